// The panel of settings: system prompt, thinking, seed, and the knobs of the parameter table.

import { element, fill, freshId, iconButton } from "./dom.js";
import { knobField } from "./knob_field.js";
import { MAIN_KNOBS, OWN_PLACE, THINKING_KNOBS } from "./knobs.js";

/** @typedef {import("./settings.js").Settings} Settings */
/** @typedef {import("./parameters.js").Parameters} Parameters */

/**
 * @param {Settings} settings
 * @param {Parameters} parameters
 * @param {{system?: boolean}} [parts]
 * @returns {HTMLElement}
 */
export function settingsPanel(settings, parameters, parts = {}) {
  const knobs = element("div", { class: "knob-groups" });
  const build = () => {
    const own = new Set([...MAIN_KNOBS, ...THINKING_KNOBS, ...OWN_PLACE]);
    const named = (/** @type {string[]} */ names) =>
      parameters.knobs
        .filter((knob) => names.includes(knob.name))
        .sort((a, b) => names.indexOf(a.name) - names.indexOf(b.name));
    const more = parameters.knobs.filter((knob) => !own.has(knob.name));
    fill(
      knobs,
      group("Choosing tokens", named(MAIN_KNOBS), settings),
      group("Thinking", named(THINKING_KNOBS), settings),
      moreGroup(more, settings),
    );
  };
  parameters.addEventListener("change", build);
  build();
  const resetAll = iconButton("reset", "Reset all", () => settings.reset(), { words: true });
  const show = () => {
    resetAll.disabled = Object.keys(settings.values).length === 0 && settings.seed === null;
  };
  settings.addEventListener("change", show);
  show();
  return element(
    "div",
    { class: "settings" },
    parts.system ? systemField(settings) : null,
    seedField(settings),
    knobs,
    element("div", { class: "buttons" }, resetAll),
  );
}

/** @param {Settings} settings */
function systemField(settings) {
  const id = freshId("system");
  const area = element("textarea", {
    id,
    rows: "2",
    class: "system",
    placeholder: "None",
    oninput: () => {
      settings.system = area.value;
      settings.changed();
    },
  });
  area.value = settings.system;
  settings.addEventListener("change", () => {
    if (document.activeElement !== area) area.value = settings.system;
  });
  return element("div", { class: "knob" }, element("label", { for: id }, "System prompt"), area);
}

/** @param {Settings} settings */
function seedField(settings) {
  const id = freshId("seed");
  const input = element("input", {
    id,
    type: "text",
    inputmode: "numeric",
    placeholder: "new each time",
    autocomplete: "off",
    "aria-describedby": `${id}-help`,
    oninput: () => {
      const text = input.value.trim();
      const seed = Number(text);
      const isGood = text === "" || (Number.isSafeInteger(seed) && seed >= 0);
      input.setAttribute("aria-invalid", String(!isGood));
      if (!isGood) return;
      settings.seed = text === "" ? null : seed;
      settings.changed();
    },
  });
  const reset = iconButton(
    "reset",
    "A new seed each time",
    () => {
      settings.seed = null;
      settings.changed();
    },
    { class: "plain round tiny" },
  );
  const root = element(
    "div",
    { class: "knob", "data-knob": "seed" },
    element("div", { class: "knob-line" }, element("label", { for: id }, "seed"), reset, input),
    element(
      "p",
      { class: "help", id: `${id}-help` },
      "The same seed, prompt and settings give the same answer, token for token.",
    ),
  );
  const show = () => {
    if (document.activeElement !== input)
      input.value = settings.seed === null ? "" : String(settings.seed);
    root.classList.toggle("is-set", settings.seed !== null);
    reset.classList.toggle("is-idle", settings.seed === null);
    reset.disabled = settings.seed === null;
  };
  settings.addEventListener("change", show);
  show();
  return root;
}

/**
 * @param {string} title
 * @param {import("./knobs.js").Knob[]} knobs
 * @param {Settings} settings
 */
function group(title, knobs, settings) {
  if (knobs.length === 0) return null;
  const id = freshId("group");
  return element(
    "section",
    { class: "knob-group", "aria-labelledby": id },
    element("h2", { id }, title),
    ...knobs.map((knob) => knobField(knob, settings)),
  );
}

/**
 * The other knobs, with a field to find one.
 * @param {import("./knobs.js").Knob[]} knobs
 * @param {Settings} settings
 */
function moreGroup(knobs, settings) {
  if (knobs.length === 0) return null;
  const fields = knobs.map((knob) => ({ knob, root: knobField(knob, settings) }));
  const none = element("p", { class: "quiet", hidden: true }, "No setting says so.");
  const find = element("input", {
    type: "search",
    placeholder: "Find a setting",
    "aria-label": "Find a setting",
    oninput: () => {
      const words = find.value.toLowerCase().trim();
      for (const { knob, root } of fields) {
        root.hidden = !`${knob.name} ${knob.aliases.join(" ")} ${knob.help}`
          .toLowerCase()
          .includes(words);
      }
      none.hidden = fields.some(({ root }) => !root.hidden);
    },
  });
  return element(
    "details",
    { class: "knob-group more" },
    element("summary", {}, `${knobs.length} more settings`),
    find,
    none,
    ...fields.map(({ root }) => root),
  );
}
