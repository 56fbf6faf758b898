// The seed of a comparison: a whole number, or nothing for a new one each time.

import { element } from "./dom.js";

/**
 * @param {string} words  its label
 * @returns {{root: HTMLElement, fields: () => {seed?: number}}} `fields` go with the request
 */
export function seedField(words) {
  const input = element("input", {
    type: "text",
    inputmode: "numeric",
    value: "1",
    placeholder: "new",
    autocomplete: "off",
    class: "seed-input",
    oninput: () => {
      const isGood = input.value.trim() === "" || "seed" in fields();
      input.setAttribute("aria-invalid", String(!isGood));
    },
  });
  const fields = () => {
    const typed = input.value.trim();
    const seed = Number(typed);
    return typed !== "" && Number.isSafeInteger(seed) && seed >= 0 ? { seed } : {};
  };
  return { root: element("label", { class: "inline" }, words, input), fields };
}
