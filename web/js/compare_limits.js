// One run, every limit: a scrubber along the tokens shows what each limit would have given.

import { newAnswer, tokenCounts } from "./answer.js";
import { element, fill, freshId, iconButton } from "./dom.js";
import { count, duration, money, plural } from "./format.js";
import { run } from "./run.js";
import { runButton } from "./run_button.js";
import { nearestStop, splitAt, spreadLimits, stopsOf } from "./scrubber.js";
import { seedField } from "./seed_field.js";
import { enoughTokens, stopInWords, truncationInWords } from "./words.js";

/** @typedef {import("./answer.js").Answer} Answer */
/** @typedef {import("./scrubber.js").Stop} Stop */

/**
 * @param {import("./main.js").App} app
 * @param {() => string} prompt
 * @returns {{controls: HTMLElement, root: HTMLElement}}
 */
export function limitsView(app, prompt) {
  return new Limits(app, prompt);
}

class Limits {
  /**
   * @param {import("./main.js").App} app
   * @param {() => string} prompt
   */
  constructor(app, prompt) {
    this.app = app;
    this.prompt = prompt;
    /** @type {Stop[]} */
    this.stops = [];
    /** @type {Stop | null} */
    this.whole = null;
    const id = freshId("largest");
    this.largest = element("input", { id, type: "number", min: "1", max: "100000", value: "300" });
    this.seed = seedField("Seed");
    const go = runButton({
      words: "Run once",
      begins: () => "Answering once for every limit",
      run: (signal) => this.run(signal),
    });
    this.range = element("input", {
      type: "range",
      class: "scrubber",
      min: "0",
      max: "0",
      value: "0",
      "aria-label": "Limit in tokens",
      oninput: () => this.show(Number(this.range.value)),
    });
    const round = { class: "outlined round" };
    this.smaller = iconButton("back", "Smaller limit", () => this.move(-1), round);
    this.larger = iconButton("on", "Larger limit", () => this.move(1), round);
    this.ticks = element("div", { class: "ticks", "aria-hidden": "true" });
    this.limit = element("p", { class: "limit-now number" }, "\u00a0");
    this.verdict = element("p", { class: "verdict" }, "\u00a0");
    this.facts = element("dl", { class: "step-facts scrub-facts" });
    this.thought = element("p", { class: "scrub-thought", hidden: true });
    this.text = element("p", { class: "scrub-text" });
    this.presets = element("div", { class: "buttons preset-stops" });
    this.result = element(
      "section",
      { class: "card scrub", "aria-label": "What each limit would have given", hidden: true },
      element("div", { class: "scrub-top" }, this.limit, this.presets),
      element(
        "div",
        { class: "scrub-line" },
        this.smaller,
        element("div", { class: "scrub-range" }, this.range, this.ticks),
        this.larger,
      ),
      this.verdict,
      element(
        "div",
        { class: "scrub-body" },
        this.facts,
        element("div", { class: "scrub-view" }, this.thought, this.text),
      ),
    );
    this.note = element("p", { class: "quiet" }, "\u00a0");
    this.controls = element(
      "div",
      { class: "ask-line" },
      element(
        "div",
        { class: "ask-fields" },
        element("label", { class: "inline", for: id }, "Up to", this.largest, "tokens"),
        this.seed.root,
      ),
      go,
    );
    this.root = element("div", { class: "limits-view" }, this.note, this.result);
  }

  /**
   * @param {AbortSignal} signal
   * @returns {Promise<string>} how it went
   */
  async run(signal) {
    const largest = Math.max(1, Math.floor(Number(this.largest.value)) || 1);
    const limits = spreadLimits(
      largest,
      this.app.parameters.presets.map((preset) => preset.tokens),
    );
    const body = {
      model: this.app.models.chosen || undefined,
      messages: [{ role: "user", content: this.prompt() }],
      max_tokens: limits,
      ...this.seed.fields(),
    };
    this.result.hidden = false;
    const done = await run(
      body,
      (answer, isRunning) => this.draw(answer, isRunning),
      signal,
      newAnswer(performance.now()),
    );
    if (done.error) return done.error.message;
    return done.stopped ? "Stopped" : `Done. ${this.stops.length} limits to look at.`;
  }

  /**
   * @param {Answer} answer
   * @param {boolean} isRunning
   */
  draw(answer, isRunning) {
    this.note.classList.toggle("bad", answer.error !== null);
    const total = tokenCounts(answer).total;
    this.note.textContent = answer.error?.message ?? "\u00a0";
    const isReady = !isRunning && Boolean(answer.jeton.views);
    for (const control of [this.range, this.smaller, this.larger]) control.disabled = !isReady;
    this.result.classList.toggle("is-idle-scrub", !isReady);
    if (!isReady) {
      this.stops = [];
      this.limit.textContent = `${plural(total, "token")}${isRunning ? " so far" : ""}`;
      fill(this.text, answer.text);
      this.thought.hidden = answer.thinking === "";
      fill(this.thought, answer.thinking);
      return;
    }
    this.stops = stopsOf(answer.jeton.views);
    this.whole = this.stops[this.stops.length - 1] ?? null;
    const unsafe = answer.jeton.prefix_safe === false;
    this.note.textContent = unsafe
      ? `These limits shape the text, so each was run by itself (${answer.jeton.prefix_unsafe_because ?? "see the documentation"}).`
      : `One run of ${plural(total, "token")} answered ${plural(answer.jeton.views.length, "limit")}.`;
    this.range.max = String(this.stops.length - 1);
    fill(
      this.presets,
      ...this.app.parameters.presets
        .filter((preset) => preset.tokens <= (this.whole?.limit ?? 0))
        .map((preset) =>
          element(
            "button",
            {
              type: "button",
              class: "outlined",
              onclick: () => this.goTo(nearestStop(this.stops, preset.tokens)),
            },
            `${preset.name} ${count(preset.tokens)}`,
          ),
        ),
    );
    this.showTicks();
    this.goTo(nearestStop(this.stops, this.app.parameters.presets[0]?.tokens ?? 50));
  }

  /** Where each limit would have cut: what was left open there, by its kind. */
  showTicks() {
    const last = Math.max(1, this.stops.length - 1);
    fill(
      this.ticks,
      ...this.stops.map((stop, index) =>
        element("i", { class: `tick ${tickKind(stop)}`, "--at": (index / last).toFixed(4) }),
      ),
    );
  }

  /** @param {number} move */
  move(move) {
    this.goTo(Math.min(this.stops.length - 1, Math.max(0, Number(this.range.value) + move)));
  }

  /** @param {number} index */
  goTo(index) {
    this.range.value = String(index);
    this.show(index);
  }

  /** @param {number} index */
  show(index) {
    const stop = this.stops[index];
    if (!stop || !this.whole) return;
    fill(this.limit, "limit ", element("b", {}, count(stop.limit)));
    const isCut = stop.finishReason === "length";
    const enough = enoughTokens(stop.truncation);
    const words = isCut
      ? [
          truncationInWords(stop.truncation) || "Cut at the token limit.",
          enough ? `About ${count(enough)} would be enough.` : "",
        ]
      : [stopInWords(stop.stop, stop.finishReason)];
    this.verdict.textContent = words.filter((part) => part !== "").join(" ");
    this.verdict.classList.toggle("cut", isCut);
    fill(this.facts, ...factsOf(stop).map(([name, value]) => fact(name, value)));
    this.range.setAttribute(
      "aria-valuetext",
      `${count(stop.limit)} tokens. ${this.verdict.textContent}`,
    );
    this.showText(this.text, this.whole.text, stop.text);
    this.thought.hidden = this.whole.thinking === "";
    this.showText(this.thought, this.whole.thinking, stop.thinking);
  }

  /**
   * @param {HTMLElement} place
   * @param {string} whole
   * @param {string} part
   */
  showText(place, whole, part) {
    const { kept, cut } = splitAt(whole, part);
    fill(
      place,
      element("span", {}, kept),
      cut === "" ? null : element("span", { class: "cut-here", "aria-hidden": "true" }),
      element("span", { class: "cut-off" }, cut),
    );
  }
}

/**
 * @param {Stop} stop
 * @returns {[string, string][]}
 */
function factsOf(stop) {
  const { cost } = stop;
  /** @type {[string, string | null][]} */
  const facts = [
    ["finish_reason", stop.finishReason],
    ["tokens", count(stop.tokens)],
    ["thinking", stop.thinkingTokens > 0 ? count(stop.thinkingTokens) : null],
    ["answer", stop.thinkingTokens > 0 ? count(stop.tokens - stop.thinkingTokens) : null],
    ["after", stop.latencyMs === null ? null : duration(stop.latencyMs)],
    ["cost", cost && cost.total > 0 ? money(cost.total, cost.currency) : null],
  ];
  return /** @type {[string, string][]} */ (facts.filter(([, value]) => value !== null));
}

/**
 * @param {string} name
 * @param {string} value
 */
function fact(name, value) {
  return element("div", {}, element("dt", {}, name), element("dd", {}, value));
}

/** @param {Stop} stop */
function tickKind(stop) {
  if (stop.finishReason !== "length") return "whole";
  const open = stop.truncation?.open ?? [];
  if (
    open.some((/** @type {any} */ entry) => entry.kind === "thinking" || entry.kind === "no_answer")
  )
    return "thinking";
  return open.length > 0 ? "open" : "closed";
}
