// What a person set: knobs, length, seed, system prompt. Kept in this browser.

/**
 * @typedef {object} Length
 * @property {"auto" | "preset" | "exact"} mode
 * @property {string} preset
 * @property {number} tokens
 */

/** Settings of one page; emits `change`. */
export class Settings extends EventTarget {
  /** @param {string} name */
  constructor(name) {
    super();
    this.key = `jeton.settings.${name}`;
    /** @type {Record<string, unknown>} */
    this.values = {};
    /** @type {Length} */
    this.length = { mode: "auto", preset: "", tokens: 200 };
    /** @type {number | null} */
    this.seed = null;
    this.system = "";
    try {
      const kept = JSON.parse(localStorage.getItem(this.key) ?? "{}");
      Object.assign(this, {
        values: kept.values ?? {},
        length: { ...this.length, ...kept.length },
        seed: kept.seed ?? null,
        system: kept.system ?? "",
      });
    } catch {
      // What cannot be read is as if it had never been set.
    }
  }

  changed() {
    const { values, length, seed, system } = this;
    try {
      localStorage.setItem(this.key, JSON.stringify({ values, length, seed, system }));
    } catch {
      // The settings hold for this visit then.
    }
    this.dispatchEvent(new Event("change"));
  }

  /**
   * @param {string} name
   * @param {unknown} value  undefined takes the setting back
   */
  set(name, value) {
    if (value === undefined) delete this.values[name];
    else this.values[name] = value;
    this.changed();
  }

  /** Everything as it was at first, but the system prompt. */
  reset() {
    this.values = {};
    this.seed = null;
    this.changed();
  }
}

/**
 * The part of a request that settings make. Pure.
 * @param {{values: Record<string, unknown>, length: Length, seed: number | null}} settings
 * @returns {Record<string, unknown>}
 */
export function requestFields(settings) {
  /** @type {Record<string, unknown>} */
  const fields = { ...settings.values };
  if (settings.length.mode === "preset" && settings.length.preset)
    fields.length = settings.length.preset;
  if (settings.length.mode === "exact") fields.max_tokens = settings.length.tokens;
  if (settings.seed !== null) fields.seed = settings.seed;
  return fields;
}
