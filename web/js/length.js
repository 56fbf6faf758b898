// How long an answer may be: as the server decides, a preset, or an exact number.

import { element, fill, freshId } from "./dom.js";
import { count } from "./format.js";

/** The largest limit that the table of parameters allows. */
const TOKENS_MAX = 4_294_967_295;

/**
 * The presets of `/v1/parameters`, shortest first.
 * @param {any} json
 * @returns {{name: string, tokens: number}[]}
 */
export function presetsOf(json) {
  const presets = json?.presets ?? json?.length?.presets ?? json?.limits?.presets ?? [];
  const list = Array.isArray(presets)
    ? presets.map((entry) => ({
        name: entry.name,
        tokens: entry.tokens ?? entry.max_tokens ?? entry.value,
      }))
    : Object.entries(presets).map(([name, entry]) => ({
        name,
        tokens: typeof entry === "number" ? entry : (entry?.tokens ?? entry?.max_tokens),
      }));
  return list
    .filter((entry) => typeof entry.tokens === "number")
    .sort((a, b) => a.tokens - b.tokens);
}

/**
 * @param {import("./settings.js").Settings} settings
 * @param {import("./parameters.js").Parameters} parameters
 */
export function lengthControl(settings, parameters) {
  const group = freshId("length");
  const choices = element("div", { class: "segments" });
  const exact = element("input", {
    type: "number",
    class: "exact",
    min: "1",
    max: TOKENS_MAX,
    step: "1",
    inputmode: "numeric",
    "aria-label": "Exact limit in tokens",
    oninput: () => {
      const tokens = Number(exact.value);
      const isGood = Number.isInteger(tokens) && tokens >= 1 && tokens <= TOKENS_MAX;
      exact.setAttribute("aria-invalid", String(!isGood));
      if (!isGood) return;
      settings.length.tokens = tokens;
      settings.length.mode = "exact";
      settings.changed();
    },
  });
  const root = element(
    "fieldset",
    { class: "length" },
    element("legend", {}, "Length"),
    choices,
    exact,
  );

  /** @type {(mode: "auto" | "preset" | "exact", preset: string, name: string, note: string) => HTMLElement} */
  const choice = (mode, preset, name, note) => {
    const input = element("input", {
      type: "radio",
      name: group,
      value: `${mode} ${preset}`,
      onchange: () => {
        settings.length.mode = mode;
        settings.length.preset = preset;
        settings.changed();
        if (mode === "exact") exact.select();
      },
    });
    return element(
      "label",
      {},
      input,
      element("span", {}, name, note ? element("small", {}, note) : null),
    );
  };
  const show = () => {
    const { mode, preset, tokens } = settings.length;
    const value = `${mode} ${mode === "preset" ? preset : ""}`;
    for (const input of choices.querySelectorAll("input")) input.checked = input.value === value;
    if (!choices.querySelector("input:checked")) {
      const first = choices.querySelector("input");
      if (first) first.checked = true;
    }
    exact.hidden = mode !== "exact";
    if (document.activeElement !== exact) exact.value = String(tokens);
  };
  const build = () => {
    const presets = parameters.presets.map(({ name, tokens }) =>
      choice("preset", name, capital(name), count(tokens)),
    );
    fill(choices, choice("auto", "", "Auto", ""), ...presets, choice("exact", "", "Exact", ""));
    show();
  };
  parameters.addEventListener("change", build);
  settings.addEventListener("change", show);
  build();
  return root;
}

/** @param {string} name */
function capital(name) {
  return name.charAt(0).toUpperCase() + name.slice(1);
}
