// Rows of `/v1/usage` as cells. Pure.

import { count, duration, money, percent } from "./format.js";

/**
 * @typedef {object} Column
 * @property {string} words
 * @property {boolean} isAmount
 * @property {string} [help]
 * @property {(row: any) => string} cell
 */

/**
 * @param {string} groupBy
 * @returns {Column[]}
 */
export function columnsOf(groupBy) {
  const amount = (
    /** @type {string} */ words,
    /** @type {(row: any) => string} */ cell,
    help = "",
  ) => ({ words, isAmount: true, cell, help });
  return [
    {
      words: groupBy.charAt(0).toUpperCase() + groupBy.slice(1),
      isAmount: false,
      cell: (row) => groupName(row, groupBy),
    },
    amount("Requests", (row) => count(row.requests)),
    amount("Prompt", (row) => count(row.prompt_tokens), "tokens of prompts"),
    amount("Thinking", (row) => count(row.thinking_tokens), "tokens of thoughts"),
    amount("Answer", (row) => count(row.answer_tokens), "tokens of answers"),
    amount(
      "Asked",
      (row) => count(row.asked_max_tokens_mean ?? row.asked_mean),
      "mean limit that was asked for",
    ),
    amount(
      "In force",
      (row) => count(row.effective_max_tokens_mean ?? row.effective_mean),
      "mean limit that was in force",
    ),
    amount("Cut", (row) => percent(cutShare(row)), "share of answers that a limit cut"),
    amount(
      "First token",
      (row) => duration(row.ttft_ms_mean ?? row.ttft_ms),
      "mean time to the first token",
    ),
    amount("Cost", (row) => costOf(row)),
  ];
}

/**
 * @param {Column[]} columns
 * @param {any} row
 */
export function cellsOf(columns, row) {
  return columns.map((column) => column.cell(row));
}

/**
 * @param {any} row
 * @param {string} groupBy
 */
function groupName(row, groupBy) {
  const name = row.group?.[groupBy] ?? row[groupBy] ?? row.key_name;
  return name === null || name === undefined || name === "" ? "(none)" : String(name);
}

/** @param {any} row */
function cutShare(row) {
  if (typeof row.truncation_rate === "number") return row.truncation_rate;
  const cut = row.truncated ?? row.cut;
  return typeof cut === "number" && row.requests > 0 ? cut / row.requests : null;
}

/** @param {any} row */
function costOf(row) {
  if (typeof row.cost === "number") return money(row.cost, row.currency ?? "");
  if (typeof row.cost_nano === "number") return money(row.cost_nano / 1e9, row.currency ?? "");
  return typeof row.cost?.total === "number" ? money(row.cost.total, row.cost.currency ?? "") : "–";
}
