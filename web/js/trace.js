// The trace page: an answer as a heat map, and how each of its tokens was chosen.

import { newAnswer } from "./answer.js";
import { element, fill, freshId, icon, iconButton } from "./dom.js";
import { lengthControl } from "./length.js";
import { pageHead } from "./page_head.js";
import { run } from "./run.js";
import { Settings, requestFields } from "./settings.js";
import { settingsPanel } from "./settings_panel.js";
import { sidePanel } from "./panel.js";
import { HeatMap, MEASURES } from "./trace_heat.js";
import { StepView } from "./trace_step.js";
import { countsInWords, stopInWords } from "./words.js";
import { tokenCounts } from "./answer.js";

/** @typedef {import("./answer.js").Answer} Answer */

/** Candidates that a list of a step names. */
const CANDIDATES = 12;

/**
 * @param {HTMLElement} root
 * @param {import("./main.js").App} app
 */
export function tracePage(root, app) {
  return new TracePage(root, app);
}

class TracePage {
  /**
   * @param {HTMLElement} root
   * @param {import("./main.js").App} app
   */
  constructor(root, app) {
    this.app = app;
    this.settings = new Settings("trace");
    this.answer = newAnswer();
    /** @type {AbortController | null} */
    this.running = null;
    this.step = new StepView((move) => this.heat.select(this.heat.selected + move, false));
    this.heat = new HeatMap((index) =>
      this.step.show(this.answer.steps[index], index, this.answer.steps.length),
    );
    this.build(root);
  }

  /** @param {HTMLElement} root */
  build(root) {
    const id = freshId("prompt");
    this.prompt = element("textarea", {
      id,
      rows: "2",
      placeholder: "Tell me a story about a fox.",
    });
    this.go = element("button", { type: "submit", class: "strong run" }, "Trace");
    const knobs = element("div", { class: "unplaced" });
    const sheet = sidePanel({
      name: "Settings",
      content: settingsPanel(this.settings, this.app.parameters),
      place: knobs,
      roomy: "not all",
    });
    const form = element(
      "form",
      {
        class: "card ask",
        onsubmit: (event) => {
          event.preventDefault();
          if (this.running) this.running.abort();
          else this.traceTyped();
        },
      },
      element("label", { for: id }, "Prompt"),
      this.prompt,
      element(
        "div",
        { class: "ask-line" },
        lengthControl(this.settings, this.app.parameters),
        element(
          "div",
          { class: "buttons" },
          iconButton("knobs", "Settings", sheet.open, { words: true, class: "outlined" }),
          this.go,
        ),
      ),
    );
    this.line = element("p", { class: "quiet number outcome" }, "\u00a0");
    const text = element(
      "section",
      { class: "card heat-card", "aria-label": "Tokens" },
      this.measures(),
      this.heat.root,
      this.line,
    );
    root.append(
      element(
        "div",
        { class: "page-body" },
        pageHead("Trace", [
          "Each token, coloured by how sure the model was. Choose one, or walk with the arrow keys, to see what was possible, what each stage cut, and where the draw fell.",
        ]),
        form,
        element("div", { class: "trace-columns" }, text, this.step.root),
      ),
    );
  }

  measures() {
    const group = freshId("measure");
    const scale = element("div", { class: "scale quiet number" });
    const help = element("p", { class: "quiet measure-help" });
    const choose = (/** @type {string} */ name) => {
      this.heat.paint(name);
      const measure = MEASURES[name];
      fill(
        scale,
        element("span", {}, measure.low),
        element("i", { "aria-hidden": "true" }),
        element("span", {}, measure.high),
      );
      help.textContent = measure.help;
    };
    const labels = Object.entries(MEASURES).map(([name, measure], index) =>
      element(
        "label",
        {},
        element("input", {
          type: "radio",
          name: group,
          value: name,
          checked: index === 0,
          onchange: () => choose(name),
        }),
        element("span", {}, measure.name),
      ),
    );
    choose("probability");
    return element(
      "div",
      { class: "measures" },
      element(
        "fieldset",
        { class: "length" },
        element("legend", {}, "Colour by"),
        element("div", { class: "segments" }, ...labels),
      ),
      scale,
      help,
    );
  }

  /**
   * @param {string} _rest
   * @param {URLSearchParams} _query
   */
  show(_rest, _query) {
    const handed = this.app.handed.trace;
    if (!handed) return;
    this.app.handed.trace = null;
    const last = handed.messages?.findLast?.(
      (/** @type {any} */ message) => message.role === "user",
    );
    if (this.prompt) this.prompt.value = last?.content ?? "";
    this.trace(handed);
  }

  traceTyped() {
    const text = this.prompt?.value.trim() || "Tell me a story about a fox.";
    if (this.prompt) this.prompt.value = text;
    return this.trace({
      model: this.app.models.chosen || undefined,
      messages: [{ role: "user", content: text }],
      ...requestFields(this.settings),
    });
  }

  /** @param {Record<string, unknown>} body */
  async trace(body) {
    this.running?.abort();
    const running = new AbortController();
    this.running = running;
    if (this.go) fill(this.go, icon("stop"), "Stop");
    this.app.announce("Tracing");
    this.heat.clear();
    this.step.clear();
    this.answer = newAnswer(performance.now());
    const done = await run(
      { ...body, trace: CANDIDATES },
      (answer, isRunning) => this.draw(answer, isRunning),
      running.signal,
      this.answer,
    );
    if (this.running !== running) return;
    this.running = null;
    if (this.go) fill(this.go, "Trace");
    this.app.announce(
      done.error
        ? done.error.message
        : `${countsInWords(tokenCounts(done))} traced. ${stopInWords(done.jeton.stop, done.finishReason)}`,
    );
  }

  /**
   * @param {Answer} answer
   * @param {boolean} isRunning
   */
  draw(answer, isRunning) {
    this.heat.grow(answer.steps);
    if (this.heat.selected < 0 && answer.steps.length > 0) this.heat.select(0, false);
    else if (!isRunning && this.heat.selected >= 0) this.heat.select(this.heat.selected, false);
    if (!this.line) return;
    this.line.classList.toggle("bad", answer.error !== null);
    const ending = answer.error
      ? answer.error.message
      : answer.stopped
        ? "Stopped by you."
        : stopInWords(answer.jeton.stop, answer.finishReason);
    const seed = typeof answer.jeton.seed === "number" ? ` Seed ${answer.jeton.seed}.` : "";
    this.line.textContent =
      answer.steps.length === 0
        ? `${ending}\u00a0`
        : `${countsInWords(tokenCounts(answer))}. ${ending}${seed}`;
  }
}
