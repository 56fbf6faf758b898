// The API page: what the server can be asked, from its own description, and a place to ask it.

import { apiKey, getJson, send } from "./api.js";
import { element, fill, freshId } from "./dom.js";
import { duration } from "./format.js";
import { exampleOf, fieldsOf, operationsOf } from "./openapi.js";
import { pageHead } from "./page_head.js";
import { errorOf } from "./run.js";

/** Characters of a response that are shown. */
const SHOWN_CHARS_MAX = 200_000;

/** @typedef {import("./openapi.js").Operation} Operation */

/**
 * @param {HTMLElement} root
 * @param {import("./main.js").App} _app
 */
export function tryPage(root, _app) {
  const list = element("ul", { class: "routes" });
  const place = element("div", { class: "route-place" });
  const note = element("p", { class: "quiet" }, "Loading the description…");
  root.append(
    element(
      "div",
      { class: "page-body" },
      pageHead("API", [
        "OpenAI's API with Jeton's extras. ",
        element("a", { href: "openapi.json" }, "openapi.json"),
        " describes it for programs; this page is made from it.",
      ]),
      note,
      element(
        "div",
        { class: "api-columns" },
        element("nav", { class: "card", "aria-label": "Routes" }, list),
        place,
      ),
    ),
  );
  let isLoaded = false;
  const load = async () => {
    if (isLoaded) return;
    try {
      const spec = await getJson("/openapi.json");
      isLoaded = true;
      note.hidden = true;
      showList(list, place, operationsOf(spec), spec);
    } catch (error) {
      note.hidden = false;
      note.textContent = errorOf(error).message;
    }
  };
  return { show: () => void load() };
}

/**
 * @param {HTMLElement} list
 * @param {HTMLElement} place
 * @param {Operation[]} operations
 * @param {any} spec
 */
function showList(list, place, operations, spec) {
  const choose = (/** @type {Operation} */ operation, /** @type {Element} */ button) => {
    for (const other of list.querySelectorAll("[aria-current]"))
      other.removeAttribute("aria-current");
    button.setAttribute("aria-current", "true");
    fill(place, operationView(operation, spec));
  };
  fill(
    list,
    ...operations.map((operation) => {
      const button = element(
        "button",
        {
          type: "button",
          class: "plain route",
          onclick: () => {
            choose(operation, button);
            // Under the list, on a small screen, it would not be seen.
            const isBelow = place.getBoundingClientRect().left < list.getBoundingClientRect().right;
            if (isBelow) place.scrollIntoView();
          },
        },
        element("span", { class: `method ${operation.method}` }, operation.method.toUpperCase()),
        element("code", {}, operation.path),
      );
      return element("li", {}, button);
    }),
  );
  const first = operations.findIndex((operation) => operation.path === "/v1/chat/completions");
  const button = list.querySelectorAll("button")[Math.max(0, first)];
  if (button) choose(operations[Math.max(0, first)], button);
}

/**
 * @param {Operation} operation
 * @param {any} spec
 */
function operationView(operation, spec) {
  const bodyId = freshId("body");
  const body = operation.hasBody
    ? element("textarea", { id: bodyId, class: "body", rows: "12", spellcheck: "false" })
    : null;
  if (body) body.value = JSON.stringify(exampleOf(operation, spec), null, 2);
  const pathInputs = operation.parameters.map((parameter) => {
    const id = freshId("parameter");
    const input = element("input", {
      id,
      type: "text",
      placeholder: parameter.required ? "needed" : "",
      autocomplete: "off",
      spellcheck: "false",
    });
    return {
      parameter,
      input,
      root: element(
        "div",
        { class: "parameter" },
        element(
          "label",
          { for: id },
          element("code", {}, parameter.name),
          element("span", { class: "quiet" }, ` in ${parameter.in}`),
        ),
        input,
        parameter.help ? element("p", { class: "help" }, parameter.help) : null,
      ),
    };
  });
  const result = element("div", { class: "result", "aria-live": "polite" });
  const go = element("button", { type: "submit", class: "strong" }, "Send");
  /** @type {AbortController | null} */
  let running = null;
  const form = element(
    "form",
    {
      class: "card try",
      onsubmit: async (event) => {
        event.preventDefault();
        if (running) return running.abort();
        running = new AbortController();
        go.textContent = "Stop";
        await sendIt(
          operation,
          pathInputs.map(({ parameter, input }) => ({ parameter, value: input.value })),
          body?.value ?? null,
          result,
          running.signal,
        );
        running = null;
        go.textContent = "Send";
      },
    },
    element("h3", {}, "Try it"),
    ...pathInputs.map((entry) => entry.root),
    body ? element("label", { for: bodyId }, "Body (JSON)") : null,
    body,
    element("div", { class: "buttons" }, go),
    result,
  );
  return element(
    "div",
    { class: "operation" },
    element(
      "div",
      { class: "card" },
      element(
        "h2",
        {},
        element("span", { class: `method ${operation.method}` }, operation.method.toUpperCase()),
        " ",
        element("code", {}, operation.path),
      ),
      operation.summary ? element("p", {}, operation.summary) : null,
      operation.description && operation.description !== operation.summary
        ? element("p", { class: "quiet" }, operation.description)
        : null,
    ),
    form,
    fieldTable(operation, spec),
  );
}

/**
 * @param {Operation} operation
 * @param {any} spec
 */
function fieldTable(operation, spec) {
  const fields = fieldsOf(operation, spec);
  if (fields.length === 0) return null;
  const rows = fields.map((field) =>
    element(
      "tr",
      {},
      element(
        "th",
        { scope: "row" },
        element("code", {}, field.name),
        field.required ? element("small", { class: "quiet" }, " needed") : null,
      ),
      element("td", {}, field.type),
      element("td", { class: "quiet" }, field.help),
    ),
  );
  return element(
    "details",
    { class: "card fields" },
    element("summary", {}, `${fields.length} fields of the body`),
    element(
      "div",
      { class: "table-scroll", tabindex: "0", role: "region", "aria-label": "Fields" },
      element(
        "table",
        {},
        element(
          "thead",
          {},
          element(
            "tr",
            {},
            ...["Field", "Type", "Meaning"].map((head) => element("th", { scope: "col" }, head)),
          ),
        ),
        element("tbody", {}, ...rows),
      ),
    ),
  );
}

/**
 * @param {Operation} operation
 * @param {{parameter: import("./openapi.js").RouteParameter, value: string}[]} parameters
 * @param {string | null} body
 * @param {HTMLElement} place
 * @param {AbortSignal} signal
 */
async function sendIt(operation, parameters, body, place, signal) {
  let path = operation.path;
  const query = new URLSearchParams();
  /** @type {Record<string, string>} */
  const headers = {};
  for (const { parameter, value } of parameters) {
    if (parameter.in === "path")
      path = path.replace(`{${parameter.name}}`, encodeURIComponent(value));
    else if (value === "") continue;
    else if (parameter.in === "query") query.set(parameter.name, value);
    else if (parameter.in === "header") headers[parameter.name] = value;
  }
  if (body !== null) headers["content-type"] = "application/json";
  const address = `${path}${query.size > 0 ? `?${query}` : ""}`;
  const started = performance.now();
  const head = element("p", { class: "number" }, "…");
  const lines = element("pre", {
    class: "response",
    tabindex: "0",
    role: "group",
    "aria-label": "Response",
  });
  fill(
    place,
    head,
    element(
      "details",
      {},
      element("summary", {}, "As a command"),
      element(
        "pre",
        { tabindex: "0", role: "group", "aria-label": "Command" },
        command(operation.method, address, body),
      ),
    ),
    lines,
  );
  try {
    const response = await send(address, {
      method: operation.method.toUpperCase(),
      headers,
      body,
      signal,
    });
    fill(
      head,
      element(
        "b",
        { class: response.ok ? "" : "bad" },
        `${response.status} ${response.statusText}`,
      ),
      ` after ${duration(performance.now() - started)}`,
    );
    const names = element(
      "pre",
      { tabindex: "0", role: "group", "aria-label": "Headers" },
      [...response.headers].map(([name, value]) => `${name}: ${value}`).join("\n"),
    );
    lines.before(element("details", {}, element("summary", {}, "Headers"), names));
    await showBody(response, lines);
  } catch (error) {
    fill(head, element("b", { class: "bad" }, signal.aborted ? "Stopped" : errorOf(error).message));
  }
}

/**
 * @param {Response} response
 * @param {HTMLElement} lines
 */
async function showBody(response, lines) {
  if (!response.body) return;
  const isJson = (response.headers.get("content-type") ?? "").includes("json");
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) break;
    if (text.length < SHOWN_CHARS_MAX) {
      text += value;
      if (!isJson) lines.append(value);
    }
  }
  if (!isJson) return;
  try {
    lines.textContent = JSON.stringify(JSON.parse(text), null, 2).slice(0, SHOWN_CHARS_MAX);
  } catch {
    lines.textContent = text;
  }
}

/**
 * The same request for a terminal. The key stays out of it.
 * @param {string} method
 * @param {string} address
 * @param {string | null} body
 */
function command(method, address, body) {
  const quoted = (/** @type {string} */ text) => `'${text.replaceAll("'", "'\\''")}'`;
  const parts = [`curl -N ${quoted(location.origin + address)}`];
  if (method !== "get") parts.push(`-X ${method.toUpperCase()}`);
  if (apiKey() !== "") parts.push('-H "authorization: Bearer $JETON_KEY"');
  if (body !== null) parts.push("-H 'content-type: application/json'", `-d ${quoted(body)}`);
  return parts.join(" \\\n  ");
}
