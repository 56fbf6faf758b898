// Rows of `/v1/usage` as cells. Pure.

import { count, duration, money, percent } from "./format.js";

/**
 * @typedef {object} Column
 * @property {string} words
 * @property {boolean} isAmount
 * @property {string} help
 * @property {(row: any) => string} cell
 */

/** What rows may be grouped by: the API's name, and words. */
export const GROUPS = /** @type {[string, string][]} */ ([
  ["key_name", "Key"],
  ["model", "Model"],
  ["day", "Day"],
  ["hour", "Hour"],
  ["route", "Route"],
  ["preset", "Preset"],
  ["class", "Class"],
  ["tag", "Tag"],
  ["scenario", "Scenario"],
  ["finish_reason", "Finish reason"],
  ["status", "Status"],
]);

/**
 * @param {string} words
 * @param {string} help
 * @param {(row: any) => string} cell
 * @returns {Column}
 */
function amount(words, help, cell) {
  return { words, isAmount: true, help, cell };
}

/**
 * @param {string} groupBy
 * @returns {Column[]}
 */
export function columnsOf(groupBy) {
  const words = GROUPS.find(([name]) => name === groupBy)?.[1] ?? groupBy;
  return [
    { words, isAmount: false, help: "", cell: (row) => groupName(row, groupBy) },
    amount("Requests", "whatever became of them", (row) => count(row.requests)),
    amount("Prompt", "tokens of prompts", (row) => count(row.tokens?.prompt)),
    amount("Thinking", "tokens of thoughts", (row) => count(row.tokens?.thinking)),
    amount("Answer", "tokens of answers", (row) => count(row.tokens?.answer)),
    amount("Asked", "mean limit that requests asked for", (row) => count(row.limits?.asked_mean)),
    amount("Used", "mean tokens used of such a limit", (row) => count(row.limits?.used_mean)),
    amount("Cut", "share of answers that ended at a limit", (row) => percent(row.truncated_share)),
    amount("First token p50, p95", "median, and 95th percentile", (row) => times(row.ttft_ms)),
    amount("Whole answer p50, p95", "median, and 95th percentile", (row) => times(row.total_ms)),
    amount("Cost", "on what was really produced", (row) => costs(row.cost)),
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
  const name = row.group?.[groupBy];
  if (name !== null && name !== undefined && name !== "") return String(name);
  return groupBy === "key_name" ? "no key" : "none";
}

/** @param {any} percentiles */
function times(percentiles) {
  if (typeof percentiles?.p50 !== "number") return "–";
  return `${duration(percentiles.p50)}, ${duration(percentiles.p95)}`;
}

/** @param {any} list  per currency, in billionths of it */
function costs(list) {
  const paid = (list ?? []).filter((/** @type {any} */ cost) => cost.nano !== 0);
  if (paid.length === 0) return "–";
  return paid.map((/** @type {any} */ cost) => money(cost.nano / 1e9, cost.currency)).join(" + ");
}
