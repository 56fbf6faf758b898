// The usage page: who used what, limits asked against used, how often answers were cut, what it cost.

import { getJson } from "./api.js";
import { element, fill, freshId } from "./dom.js";
import { pageHead } from "./page_head.js";
import { errorOf } from "./run.js";
import { Plot } from "./usage_plot.js";
import { GROUPS, cellsOf, columnsOf } from "./usage_table.js";

/** Times back from now: words and milliseconds. */
const SPANS = /** @type {[string, number][]} */ ([
  ["Last hour", 3_600_000],
  ["Last day", 86_400_000],
  ["Last 30 days", 2_592_000_000],
  ["All", 0],
]);

/**
 * @param {HTMLElement} root
 * @param {import("./main.js").App} _app
 */
export function usagePage(root, _app) {
  const groupId = freshId("group");
  const spanId = freshId("span");
  const group = element(
    "select",
    { id: groupId, onchange: () => load() },
    ...GROUPS.map(([name, words]) => element("option", { value: name }, words)),
  );
  const span = element(
    "select",
    { id: spanId, onchange: () => load() },
    ...SPANS.map(([words, ms]) =>
      element("option", { value: String(ms), selected: ms === 86_400_000 }, words),
    ),
  );
  const table = element("div", {
    class: "table-scroll",
    tabindex: "0",
    role: "region",
    "aria-label": "Usage in numbers",
  });
  const plot = new Plot();
  const note = element("p", { class: "quiet", role: "status" });
  root.append(
    element(
      "div",
      { class: "page-body" },
      pageHead("Usage", [
        "From the server's ledger: what was asked, what was used, how often a limit cut an answer, and what it cost. Texts are not in it.",
      ]),
      element(
        "div",
        { class: "filters" },
        element("label", { class: "inline", for: groupId }, "By", group),
        element("label", { class: "inline", for: spanId }, "Since", span),
        element("button", { type: "button", class: "outlined", onclick: () => load() }, "Refresh"),
        note,
      ),
      element("section", { class: "card", "aria-label": "Table" }, table),
      element("section", { class: "card plot-card", "aria-label": "Plot" }, plot.root),
    ),
  );

  let turn = 0;
  const load = async () => {
    turn += 1;
    const mine = turn;
    const query = new URLSearchParams({ group_by: group.value });
    const ms = Number(span.value);
    if (ms > 0) query.set("since_ms", String(Date.now() - ms));
    try {
      const json = await getJson(`/v1/usage?${query}`);
      if (mine !== turn) return;
      showTable(table, json, group.value);
      note.textContent = "";
      await plot.load(query);
    } catch (error) {
      if (mine !== turn) return;
      note.textContent = errorOf(error).message;
    }
  };
  return { show: () => void load() };
}

/**
 * @param {HTMLElement} place
 * @param {any} json
 * @param {string} groupBy
 */
function showTable(place, json, groupBy) {
  const rows = json.rows ?? [];
  if (rows.length === 0) {
    fill(place, element("p", { class: "quiet empty" }, "Nothing was asked in this time."));
    return;
  }
  const columns = columnsOf(groupBy);
  const heads = columns.map((column) =>
    element(
      "th",
      { scope: "col", class: column.isAmount ? "amount" : null, title: column.help || null },
      column.words,
    ),
  );
  const lines = rows.map((/** @type {any} */ row) =>
    element(
      "tr",
      {},
      ...cellsOf(columns, row).map((cell, index) =>
        index === 0
          ? element("th", { scope: "row" }, cell)
          : element("td", { class: columns[index].isAmount ? "amount" : null }, cell),
      ),
    ),
  );
  fill(
    place,
    element(
      "table",
      {},
      element("thead", {}, element("tr", {}, ...heads)),
      element("tbody", {}, ...lines),
    ),
  );
}
