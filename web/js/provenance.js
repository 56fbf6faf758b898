// Who decided what: the way of the limit in one line, and everything else in a table.

import { element } from "./dom.js";
import { parameterRows, provenance } from "./words.js";

/**
 * asked 5,000 → admin 1,000
 * @param {any} decision  `jeton.limits.max_tokens`
 */
export function limitStrip(decision) {
  const steps = provenance(decision);
  if (steps.length === 0) return null;
  const parts = steps.flatMap((step, index) => [
    index > 0 ? element("span", { class: "arrow", "aria-label": "then" }, "→") : null,
    element(
      "span",
      { class: index + 1 === steps.length ? "chip in-force" : "chip", title: step.rule || null },
      `${step.kind === "asked" && step.by === "you" ? "asked" : step.by} `,
      element("b", {}, step.value),
    ),
  ]);
  return element(
    "span",
    { class: "limit-strip" },
    element("span", { class: "quiet" }, "limit "),
    ...parts,
  );
}

/** @param {import("./answer.js").Answer} answer */
export function decisionsTable(answer) {
  const limits = Object.entries(answer.jeton.limits ?? {});
  const rows = parameterRows(answer.jeton.parameters).filter(
    (row) => !limits.some(([name]) => name === row.name),
  );
  const warnings = answer.jeton.warnings ?? [];
  if (limits.length === 0 && rows.length === 0 && warnings.length === 0) return null;
  const lines = limits.flatMap(([name, decision]) =>
    provenance(decision).map((step, index) =>
      line(
        index === 0 ? name : "",
        step.value,
        step.kind === "asked" && step.by === "you" ? "you asked" : step.by,
        step.rule,
      ),
    ),
  );
  for (const row of rows)
    lines.push(line(row.name, row.value, row.by, row.asked === null ? "" : `asked ${row.asked}`));
  const heads = ["Setting", "Value", "Set by", "Rule"].map((head) =>
    element("th", { scope: "col" }, head),
  );
  const table = element(
    "div",
    { class: "table-scroll", tabindex: "0", role: "region", "aria-label": "Decisions" },
    element(
      "table",
      { class: "decisions" },
      element("thead", {}, element("tr", {}, ...heads)),
      element("tbody", {}, ...lines),
    ),
  );
  const list =
    warnings.length > 0
      ? element(
          "ul",
          { class: "warnings" },
          ...warnings.map((/** @type {any} */ warning) =>
            element("li", {}, typeof warning === "string" ? warning : (warning.message ?? "")),
          ),
        )
      : null;
  const notes =
    warnings.length > 0 ? `, ${warnings.length} ${warnings.length === 1 ? "note" : "notes"}` : "";
  return element(
    "details",
    { class: "decided" },
    element("summary", {}, `What was decided, and by whom${notes}`),
    table,
    list,
  );
}

/**
 * @param {string} name
 * @param {string} value
 * @param {string} by
 * @param {string} rule
 */
function line(name, value, by, rule) {
  return element(
    "tr",
    {},
    element("th", { scope: "row" }, name),
    element("td", { class: "number" }, value),
    element("td", {}, by),
    element("td", { class: "quiet" }, rule),
  );
}
