// Lanes: the same prompt under different settings, streaming side by side.

import { newAnswer, tokenCounts, tokensPerSecond } from "./answer.js";
import { costOf } from "./chat_turn.js";
import { element, fill, freshId, iconButton } from "./dom.js";
import { plural, rate, setting } from "./format.js";
import { knobField } from "./knob_field.js";
import { differing } from "./knobs.js";
import { lengthControl } from "./length.js";
import { limitStrip } from "./provenance.js";
import { run } from "./run.js";
import { runButton } from "./run_button.js";
import { firstDifference } from "./scrubber.js";
import { seedField } from "./seed_field.js";
import { Settings, requestFields } from "./settings.js";
import { countsInWords, stopInWords, truncationInWords } from "./words.js";

/** @typedef {import("./answer.js").Answer} Answer */

const LANES_MAX = 4;
const NAMES = ["A", "B", "C", "D"];

/** Knobs that a new lane begins with: something to see at once. */
const FIRST_VALUES = [
  { temperature: 0.2 },
  { temperature: 1.2 },
  { top_p: 0.5 },
  { repetition_penalty: 1.3 },
];

/** Parameters that no lane may change: they change what is sent back, not what is said. */
const NOT_HERE = [
  "seed",
  "max_tokens",
  "n",
  "best_of",
  "logprobs",
  "top_logprobs",
  "logprobs_mode",
  "num_return_sequences",
];

/**
 * @param {import("./main.js").App} app
 * @param {() => string} prompt
 * @returns {{controls: HTMLElement, root: HTMLElement}}
 */
export function lanesView(app, prompt) {
  return new Lanes(app, prompt);
}

class Lanes {
  /**
   * @param {import("./main.js").App} app
   * @param {() => string} prompt
   */
  constructor(app, prompt) {
    this.app = app;
    this.prompt = prompt;
    /** @type {Lane[]} */
    this.lanes = [];
    this.grid = element("div", { class: "lanes" });
    this.add = iconButton("plus", "Add a lane", () => this.addLane(), {
      words: true,
      class: "outlined",
    });
    const go = runButton({
      words: "Run",
      begins: () => `Answering in ${plural(this.lanes.length, "lane")}`,
      run: (signal) => this.run(signal),
    });
    this.seed = seedField("Seed of all lanes");
    this.controls = element(
      "div",
      { class: "ask-line" },
      this.seed.root,
      element("div", { class: "buttons" }, this.add, go),
    );
    this.root = element("div", { class: "lanes-view" }, this.grid);
    this.addLane();
    this.addLane();
  }

  addLane() {
    if (this.lanes.length >= LANES_MAX) return;
    const free = NAMES.findIndex((name) => !this.lanes.some((lane) => lane.name === name));
    const lane = new Lane(
      NAMES[free],
      FIRST_VALUES[free],
      this.app,
      () => this.removeLane(lane),
      () => this.mark(),
    );
    this.lanes.push(lane);
    this.lanes.sort((a, b) => a.name.localeCompare(b.name));
    this.settle();
  }

  /** @param {Lane} lane */
  removeLane(lane) {
    this.lanes = this.lanes.filter((other) => other !== lane);
    this.settle();
  }

  settle() {
    fill(this.grid, ...this.lanes.map((lane) => lane.root));
    this.grid.style.setProperty("--lanes", String(this.lanes.length));
    this.add.disabled = this.lanes.length >= LANES_MAX;
    for (const lane of this.lanes) lane.remove.disabled = this.lanes.length <= 1;
    this.mark();
  }

  /** Names what differs between lanes. */
  mark() {
    const fields = this.lanes.map((lane) => lane.fields());
    const names = differing(fields);
    this.lanes.forEach((lane, index) => lane.showDifferences(names, fields[index]));
  }

  /**
   * @param {AbortSignal} signal
   * @returns {Promise<string>} how it went
   */
  async run(signal) {
    const same = {
      messages: [{ role: "user", content: this.prompt() }],
      ...this.seed.fields(),
      trace: 1,
    };
    const lanes = [...this.lanes];
    await Promise.all(lanes.map((lane) => lane.run(same, signal)));
    const place = firstDifference(lanes.map((lane) => lane.answer.steps.map((step) => step.id)));
    for (const lane of lanes) lane.showFirstDifference(lanes.length > 1 ? place : null);
    const failed = lanes.find((lane) => lane.answer.error)?.answer.error;
    if (failed) return failed.message;
    if (lanes.length === 1) return "Done";
    return place === null
      ? "Done: all lanes say the same"
      : `Done: the lanes part at token ${place + 1}`;
  }
}

class Lane {
  /**
   * @param {string} name
   * @param {Record<string, unknown>} values
   * @param {import("./main.js").App} app
   * @param {() => void} onremove
   * @param {() => void} onchange
   */
  constructor(name, values, app, onremove, onchange) {
    this.name = name;
    this.app = app;
    this.settings = new Settings(`compare-${name}`);
    if (Object.keys(this.settings.values).length === 0) this.settings.values = { ...values };
    this.answer = newAnswer();
    this.differences = element("p", { class: "differences" });
    this.knobs = element("div", { class: "lane-knobs" });
    this.model = element("select", { "aria-label": `Model of lane ${name}`, onchange });
    this.remove = iconButton("close", `Remove lane ${name}`, onremove, {
      class: "plain round tiny",
    });
    this.head = element("div", { class: "turn-head" });
    this.thoughtLine = element("summary");
    this.thoughtText = element("div", { class: "thought-text" });
    this.thought = element("details", { class: "thought" }, this.thoughtLine, this.thoughtText);
    this.text = element("div", {
      class: "lane-text",
      tabindex: "0",
      role: "region",
      "aria-label": `Answer of lane ${name}`,
    });
    this.foot = element("div", { class: "lane-foot" }, "\u00a0");
    const id = freshId("lane");
    this.root = element(
      "section",
      { class: "card lane", "aria-labelledby": id },
      element(
        "div",
        { class: "lane-head" },
        element("h2", { id }, `Lane ${name}`),
        this.differences,
        this.remove,
      ),
      element(
        "details",
        { class: "lane-settings" },
        element("summary", {}, "Change settings"),
        element("div", { class: "lane-model" }, this.model),
        lengthControl(this.settings, app.parameters),
        this.knobs,
      ),
      this.head,
      this.thought,
      this.text,
      this.foot,
    );
    this.thought.hidden = true;
    this.settings.addEventListener("change", () => {
      this.showKnobs();
      onchange();
    });
    app.parameters.addEventListener("change", () => this.showKnobs(true));
    app.models.addEventListener("change", () => this.showModels());
    this.showModels();
    this.showKnobs(true);
  }

  showModels() {
    const { models, chosen } = this.app.models;
    const now = this.model.value || chosen;
    fill(this.model, ...models.map((model) => element("option", { value: model.id }, model.id)));
    if (models.some((model) => model.id === now)) this.model.value = now;
    if (this.model.parentElement) this.model.parentElement.hidden = models.length < 2;
  }

  /** @param {boolean} [isNew]  build even when the same knobs are set */
  showKnobs(isNew = false) {
    const { knobs } = this.app.parameters;
    const names = Object.keys(this.settings.values);
    const shown = [...this.knobs.querySelectorAll("[data-knob]")].map((field) =>
      field.getAttribute("data-knob"),
    );
    const all = [...new Set([...shown, ...names])].filter(
      (name) => names.includes(name ?? "") || this.knobs.contains(document.activeElement),
    );
    if (!isNew && JSON.stringify(all) === JSON.stringify(shown)) return;
    const fields = all
      .map((name) => knobs.find((knob) => knob.name === name))
      .filter((knob) => knob !== undefined)
      .map((knob) => knobField(knob, this.settings));
    const rest = knobs.filter(
      (knob) => !names.includes(knob.name) && !NOT_HERE.includes(knob.name),
    );
    const choose = element(
      "select",
      {
        "aria-label": `Add a setting to lane ${this.name}`,
        onchange: () => {
          const knob = knobs.find((one) => one.name === choose.value);
          if (knob) this.settings.set(knob.name, knob.neutral ?? knob.fallback ?? startOf(knob));
        },
      },
      element("option", { value: "" }, "Add a setting…"),
      ...rest.map((knob) => element("option", { value: knob.name }, knob.name)),
    );
    fill(this.knobs, ...fields, choose);
  }

  fields() {
    return {
      ...requestFields(this.settings),
      ...(this.model.value ? { model: this.model.value } : {}),
    };
  }

  /**
   * @param {string[]} names
   * @param {Record<string, unknown>} fields
   */
  showDifferences(names, fields) {
    fill(
      this.differences,
      ...names.map((name) =>
        element(
          "span",
          { class: "chip" },
          `${name} `,
          element("b", {}, fields[name] === undefined ? "default" : setting(fields[name])),
        ),
      ),
    );
  }

  /**
   * @param {Record<string, unknown>} same
   * @param {AbortSignal} signal
   */
  async run(same, signal) {
    this.answer = newAnswer(performance.now());
    this.text.textContent = "";
    this.thoughtText.textContent = "";
    this.thought.hidden = true;
    this.head.replaceChildren();
    await run(
      { ...same, ...this.fields(), seed: same.seed },
      (answer, isRunning) => this.draw(answer, isRunning),
      signal,
      this.answer,
    );
  }

  /**
   * @param {Answer} answer
   * @param {boolean} isRunning
   */
  draw(answer, isRunning) {
    const isAtEnd = this.text.scrollHeight - this.text.scrollTop - this.text.clientHeight < 40;
    grow(this.text, answer.text);
    grow(this.thoughtText, answer.thinking);
    const counts = tokenCounts(answer);
    this.thought.hidden = answer.thinking === "";
    this.thoughtLine.textContent = `Thought: ${counts.thinking} tokens`;
    if (isAtEnd) this.text.scrollTop = isRunning ? this.text.scrollHeight : 0;
    if (this.head.childElementCount === 0 && answer.jeton.limits)
      fill(this.head, limitStrip(answer.jeton.limits.max_tokens));
    const facts = [
      countsInWords(counts),
      rate(tokensPerSecond(answer, performance.now())),
      costOf(answer),
    ].filter((fact) => fact !== null);
    const ending = isRunning
      ? ""
      : answer.error
        ? answer.error.message
        : answer.stopped
          ? "Stopped by you."
          : `${stopInWords(answer.jeton.stop, answer.finishReason)} ${truncationInWords(answer.jeton.truncation)}`;
    fill(
      this.foot,
      element(
        "p",
        {
          class: answer.error ? "bad" : answer.finishReason === "length" ? "ending cut" : "ending",
        },
        ending || "\u00a0",
      ),
      element("p", { class: "facts number" }, facts.join(" · ")),
    );
  }

  /** @param {number | null} place  index of the first token that is not the same in all lanes */
  showFirstDifference(place) {
    const { steps } = this.answer;
    if (place === null || place >= steps.length) return;
    const isAnswer = steps[place].part === "answer";
    const textOf = (/** @type {import("./answer.js").Step} */ step) =>
      isAnswer ? step.text : step.token;
    const same = steps.slice(0, place).filter((step) => step.part === steps[place].part);
    const box = isAnswer ? this.text : this.thoughtText;
    const whole = box.textContent ?? "";
    const before = same.map(textOf).join("");
    const start = whole.startsWith(before) ? before.length : before.trimStart().length;
    const own = textOf(steps[place]);
    if (!isAnswer) this.thoughtLine.textContent += `, differs from token ${place + 1} on`;
    if (!whole.startsWith(own, start)) return;
    const title = `First token that differs: number ${place + 1}`;
    const mark = element("mark", { title }, own === "" ? "∅" : own);
    fill(box, whole.slice(0, start), mark, whole.slice(start + own.length));
    if (isAnswer) box.scrollTop = Math.max(0, mark.offsetTop - box.offsetTop - 60);
  }
}

/** @param {import("./knobs.js").Knob} knob */
function startOf(knob) {
  if (knob.kind === "choice") return knob.names[0];
  if (knob.kind === "bool") return true;
  if (knob.kind === "float" || knob.kind === "integer") return knob.min ?? 0;
  return [];
}

/**
 * @param {HTMLElement} place
 * @param {string} text
 */
function grow(place, text) {
  const only = place.childNodes.length === 1 ? place.firstChild : null;
  if (only instanceof Text && text.startsWith(only.data))
    only.appendData(text.slice(only.data.length));
  else if (place.textContent !== text) place.textContent = text;
}
