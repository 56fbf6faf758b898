// The answer as a heat map: one option per token, coloured by probability, surprise or entropy.

import { element, visible } from "./dom.js";
import { finite, percent } from "./format.js";

/** @typedef {import("./answer.js").Step} Step */

/** Surprise at which the colour is full, in nats: a token with 1 % of the probability. */
const SURPRISE_FULL = Math.log(100);

/** Entropy at which the colour is full, in nats. */
const ENTROPY_FULL = 4;

/** @typedef {{name: string, low: string, high: string, help: string, heat: (step: Step) => number}} Measure */

/** What a token may be coloured by; heat goes from 0 to 1. One hue, by lightness: no colour has to be told from another. */
export const MEASURES = /** @type {Record<string, Measure>} */ ({
  probability: {
    name: "Probability",
    low: "100 %",
    high: "0 %",
    help: "How likely the model itself held each token, before any stage.",
    heat: (step) => 1 - clamp(finite(step.raw?.probability ?? 1)),
  },
  surprise: {
    name: "Surprise",
    low: "0 nats",
    high: `${SURPRISE_FULL.toFixed(1)} nats or more`,
    help: "The same by its order of magnitude, −ln p: shows the difference between unlikely and very unlikely.",
    heat: (step) =>
      clamp(-Math.log(Math.max(finite(step.raw?.probability ?? 1), 1e-12)) / SURPRISE_FULL),
  },
  entropy: {
    name: "Entropy",
    low: "0 nats",
    high: `${ENTROPY_FULL.toFixed(1)} nats or more`,
    help: "How undecided the model was at each place, whatever was then chosen.",
    heat: (step) => clamp(finite(step.raw?.entropy ?? 0) / ENTROPY_FULL),
  },
});

/** @param {number} value */
function clamp(value) {
  return Number.isNaN(value) ? 0 : Math.min(1, Math.max(0, value));
}

/** The tokens as a list box: arrow keys walk. */
export class HeatMap {
  /** @param {(index: number) => void} onselect */
  constructor(onselect) {
    this.onselect = onselect;
    this.selected = -1;
    this.measure = "probability";
    /** @type {{element: HTMLElement, step: Step}[]} */
    this.tokens = [];
    this.root = element("div", {
      class: "heat",
      role: "listbox",
      tabindex: "0",
      "aria-label": "Tokens; arrow keys walk through them",
      onkeydown: (event) => this.walk(event),
      onclick: (event) => {
        const index = this.tokens.findIndex(
          (token) => token.element === event.target.closest("[role=option]"),
        );
        if (index >= 0) this.select(index, true);
      },
      onfocus: () => {
        if (this.selected >= 0) this.tokens[this.selected].element.focus({ preventScroll: true });
      },
    });
  }

  clear() {
    this.tokens = [];
    this.selected = -1;
    this.root.replaceChildren();
    this.root.tabIndex = 0;
  }

  /** @param {Step[]} steps  all so far; only new ones are added */
  grow(steps) {
    for (const step of steps.slice(this.tokens.length)) {
      const made = option(step, this.tokens.length);
      this.tokens.push({ element: made, step });
      this.heat(made, step);
      this.root.append(made);
    }
  }

  /** @param {string} name */
  paint(name) {
    this.measure = name;
    for (const token of this.tokens) this.heat(token.element, token.step);
  }

  /**
   * @param {HTMLElement} made
   * @param {Step} step
   */
  heat(made, step) {
    made.style.setProperty("--heat", MEASURES[this.measure].heat(step).toFixed(3));
  }

  /** @param {KeyboardEvent} event */
  walk(event) {
    const { selected, tokens } = this;
    const moves = /** @type {Record<string, number>} */ ({
      ArrowRight: selected + 1,
      ArrowDown: this.lineAway(1),
      ArrowLeft: selected - 1,
      ArrowUp: this.lineAway(-1),
      Home: 0,
      End: tokens.length - 1,
    });
    if (!(event.key in moves)) return;
    event.preventDefault();
    this.select(moves[event.key], true);
  }

  /**
   * The token below or above the selected one.
   * @param {1 | -1} way
   */
  lineAway(way) {
    const own = this.tokens[this.selected]?.element.getBoundingClientRect();
    if (!own) return 0;
    for (let at = this.selected + way; at >= 0 && at < this.tokens.length; at += way) {
      const place = this.tokens[at].element.getClientRects()[0];
      if (!place) continue;
      const isOther = way > 0 ? place.top > own.bottom - 2 : place.bottom < own.top + 2;
      const isReached = way > 0 ? place.right > own.left : place.left <= own.left;
      if (isOther && isReached) return at;
    }
    return way > 0 ? this.tokens.length - 1 : 0;
  }

  /**
   * @param {number} index
   * @param {boolean} focus
   */
  select(index, focus) {
    const token = this.tokens[index];
    if (!token) return;
    const old = this.tokens[this.selected]?.element;
    old?.setAttribute("aria-selected", "false");
    old?.setAttribute("tabindex", "-1");
    this.selected = index;
    this.root.tabIndex = -1;
    token.element.setAttribute("aria-selected", "true");
    token.element.setAttribute("tabindex", "0");
    if (focus) token.element.focus({ preventScroll: true });
    keepInView(this.root, token.element);
    this.onselect(index);
  }
}

/**
 * @param {Step} step
 * @param {number} index
 */
function option(step, index) {
  const kind = step.part === "answer" ? "" : step.part === "marker" ? "special" : "thinking";
  const made = element("span", {
    role: "option",
    class: kind,
    tabindex: "-1",
    "aria-selected": "false",
    "aria-label": label(step, index),
  });
  const shown = step.token;
  if (shown === "") made.append(element("span", { class: "special" }, "∅"));
  const lines = shown.split("\n");
  lines.forEach((part, at) => {
    made.append(visible(part));
    if (at + 1 < lines.length) made.append(element("span", { class: "special" }, "⏎"), "\n");
  });
  return made;
}

/**
 * @param {Step} step
 * @param {number} index
 */
function label(step, index) {
  const share = step.raw ? `, probability ${percent(step.raw.probability)}` : "";
  return `step ${index + 1}: ${visible(step.token)}${share}`;
}

/**
 * Scrolls the text and never the page.
 * @param {HTMLElement} box
 * @param {HTMLElement} token
 */
function keepInView(box, token) {
  const place = token.getBoundingClientRect();
  const frame = box.getBoundingClientRect();
  if (place.top < frame.top) box.scrollTop -= frame.top - place.top + 8;
  else if (place.bottom > frame.bottom) box.scrollTop += place.bottom - frame.bottom + 8;
}
