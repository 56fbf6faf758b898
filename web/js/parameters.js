// What the server says about its knobs, presets and limits.

import { knobsOf } from "./knobs.js";
import { presetsOf } from "./length.js";

/** Loaded once per model; emits `change`. */
export class Parameters extends EventTarget {
  constructor() {
    super();
    /** @type {import("./knobs.js").Knob[]} */
    this.knobs = [];
    /** @type {{name: string, tokens: number}[]} */
    this.presets = [];
    /** @type {any} */
    this.json = null;
  }

  /**
   * @param {(path: string) => Promise<any>} getJson
   * @param {string} model
   */
  async load(getJson, model) {
    const query = model ? `?model=${encodeURIComponent(model)}` : "";
    this.json = await getJson(`/v1/parameters${query}`);
    this.knobs = knobsOf(this.json);
    this.presets = presetsOf(this.json);
    this.dispatchEvent(new Event("change"));
  }

  /** @param {string} name */
  knob(name) {
    return this.knobs.find((knob) => knob.name === name || knob.aliases.includes(name)) ?? null;
  }

  /**
   * What tokens cost so far, without the prompt, which is counted at the end.
   * @param {{thinking: number, answer: number}} counts
   * @returns {{total: number, currency: string} | null}
   */
  costSoFar(counts) {
    const prices = this.json?.prices;
    if (!prices?.tokens) return null;
    const total =
      (counts.thinking * prices.thinking + counts.answer * prices.answer) / prices.tokens;
    return total > 0 ? { total, currency: prices.currency } : null;
  }
}
