// One knob as a person sees it: name, value, slider with a mark at the neutral value, help, reset.

import { element, fill, freshId, iconButton } from "./dom.js";
import { setting } from "./format.js";
import { readKnob, writeKnob } from "./knobs.js";

/** @typedef {import("./knobs.js").Knob} Knob */
/** @typedef {import("./settings.js").Settings} Settings */

/**
 * @param {Knob} knob
 * @param {Settings} settings
 * @returns {HTMLElement}
 */
export function knobField(knob, settings) {
  const id = freshId(`knob-${knob.name}`);
  const helpId = `${id}-help`;
  const problem = element("p", { class: "problem", role: "alert" });
  /** @param {string} text */
  const enter = (text) => {
    const read = readKnob(knob, text);
    const isBad = "problem" in read;
    field.setAttribute("aria-invalid", String(isBad));
    problem.textContent = isBad ? read.problem : "";
    if (!isBad) settings.set(knob.name, read.value);
  };
  const field = fieldOf(knob, id, helpId, enter);
  const slider = knob.hasSlider ? sliderOf(knob, settings) : null;
  const reset = iconButton(
    "reset",
    `Reset ${knob.name}`,
    () => {
      settings.set(knob.name, undefined);
      problem.textContent = "";
      field.setAttribute("aria-invalid", "false");
    },
    { class: "plain round tiny" },
  );
  const root = element(
    "div",
    { class: `knob knob-${knob.kind}`, "data-knob": knob.name },
    element("div", { class: "knob-line" }, element("label", { for: id }, knob.name), reset, field),
    slider?.root,
    problem,
    helpOf(knob, helpId),
  );
  const show = () => {
    const value = settings.values[knob.name];
    const isSet = value !== undefined;
    root.classList.toggle("is-set", isSet);
    reset.classList.toggle("is-idle", !isSet);
    reset.disabled = !isSet;
    if (document.activeElement !== field || !isSet) field.value = writeKnob(knob, value);
    slider?.show(value);
  };
  if (knob.lockedBecause) {
    for (const part of root.querySelectorAll("input, select, textarea, button"))
      part.setAttribute("disabled", "");
    root.append(element("p", { class: "quiet" }, knob.lockedBecause));
  }
  settings.addEventListener("change", show);
  show();
  return root;
}

/**
 * @param {Knob} knob
 * @param {string} id
 * @param {string} helpId
 * @param {(text: string) => void} enter
 */
function fieldOf(knob, id, helpId, enter) {
  const same = { id, "aria-describedby": helpId, autocomplete: "off" };
  const unset = knob.fallback === null ? "default" : `default: ${setting(knob.fallback)}`;
  if (knob.kind === "bool" || knob.kind === "choice") {
    const names = knob.kind === "bool" ? ["true", "false"] : knob.names;
    const words = (/** @type {string} */ name) =>
      knob.kind === "bool" ? (name === "true" ? "on" : "off") : name;
    const select = element(
      "select",
      { ...same, onchange: () => enter(select.value) },
      element("option", { value: "" }, unset),
      ...names.map((name) => element("option", { value: name }, words(name))),
    );
    return select;
  }
  if (knob.kind === "texts") {
    const area = element("textarea", {
      ...same,
      rows: "1",
      spellcheck: "false",
      placeholder: "one per line",
      oninput: () => enter(area.value),
    });
    return area;
  }
  const isNumber = knob.kind !== "json";
  const input = element("input", {
    ...same,
    type: "text",
    inputmode: isNumber ? "decimal" : "text",
    spellcheck: "false",
    placeholder: knob.fallback === null ? (isNumber ? "not set" : "JSON") : setting(knob.fallback),
    oninput: () => enter(input.value),
  });
  return input;
}

/**
 * @param {Knob} knob
 * @param {Settings} settings
 */
function sliderOf(knob, settings) {
  const rest =
    typeof knob.fallback === "number"
      ? knob.fallback
      : typeof knob.neutral === "number"
        ? knob.neutral
        : knob.low;
  const range = element("input", {
    type: "range",
    min: knob.low,
    max: knob.high,
    step: knob.step,
    "aria-label": `${knob.name}, slider`,
    oninput: () => settings.set(knob.name, Number(range.value)),
  });
  const neutral = knob.neutral;
  const place = typeof neutral === "number" ? (neutral - knob.low) / (knob.high - knob.low) : -1;
  const mark =
    place >= 0 && place <= 1
      ? element("i", {
          class: "neutral",
          "--at": place.toFixed(4),
          title: `changes nothing at ${neutral}`,
        })
      : null;
  const root = element("div", { class: "slider" }, range, mark);
  const show = (/** @type {unknown} */ value) => {
    const now = typeof value === "number" ? value : rest;
    range.value = String(now);
    range.style.setProperty(
      "--filled",
      Math.min(1, Math.max(0, (now - knob.low) / (knob.high - knob.low))).toFixed(4),
    );
  };
  return { root, show };
}

/**
 * @param {Knob} knob
 * @param {string} helpId
 */
function helpOf(knob, helpId) {
  const facts = [];
  if (knob.neutral !== null) facts.push(`neutral ${setting(knob.neutral)}`);
  if (knob.min !== null && knob.max !== null && knob.max < 1e6)
    facts.push(`from ${knob.min} to ${knob.max}`);
  const more = element("span", { class: "knob-facts" }, facts.join(" · "));
  const help = element("p", { class: "help", id: helpId });
  fill(help, `${knob.help} `, facts.length > 0 ? more : null);
  return help;
}
