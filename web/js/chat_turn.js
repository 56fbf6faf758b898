// One answer on the page: thought, text, what was decided about it, how it ended, and what to do next.

import { announce } from "./announce.js";
import { canContinue, limitOf, tokenCounts, tokensPerSecond } from "./answer.js";
import { element, fill, icon, iconButton } from "./dom.js";
import { count, duration, money, plural, rate } from "./format.js";
import { MarkdownView } from "./markdown_view.js";
import { decisionsTable, limitStrip } from "./provenance.js";
import {
  countsInWords,
  enoughTokens,
  stopInWords,
  thinkingInWords,
  truncationInWords,
} from "./words.js";

/** @typedef {import("./answer.js").Answer} Answer */

/**
 * What a person can ask of an answer.
 * @typedef {object} TurnActions
 * @property {(limit: number) => void} goOn  the same text, more of it
 * @property {(limit: number) => void} tryLimit
 * @property {() => void} again
 * @property {() => void} trace
 * @property {() => void} compare
 * @property {(seed: number) => void} lockSeed
 * @property {(seed: number) => boolean} isSeedLocked
 */

/**
 * What a person said, to be said otherwise.
 * @param {string} text
 * @param {(text: string) => void} onedit
 */
export function userTurn(text, onedit) {
  const said = element("div", { class: "said" }, text);
  const pencil = iconButton("pencil", "Edit this message", () => edit(), {
    class: "plain round tiny edit",
  });
  const root = element("article", { class: "turn user", "aria-label": "You" }, pencil, said);
  const show = () => {
    root.classList.remove("is-edited");
    fill(root, pencil, said);
    pencil.focus();
  };
  const edit = () => {
    root.classList.add("is-edited");
    const form = editForm(text, onedit, show);
    fill(root, form);
    form.querySelector("textarea")?.focus();
  };
  return root;
}

/**
 * @param {string} text
 * @param {(text: string) => void} onsend
 * @param {() => void} oncancel
 */
function editForm(text, onsend, oncancel) {
  const area = element("textarea", {
    "aria-label": "Message, edited",
    enterkeyhint: "send",
    onkeydown: (event) => {
      if (event.key === "Escape") oncancel();
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      form.requestSubmit();
    },
  });
  area.value = text;
  const form = element(
    "form",
    {
      class: "edit-form",
      onsubmit: (event) => {
        event.preventDefault();
        if (area.value.trim() !== "") onsend(area.value.trim());
      },
    },
    area,
    element(
      "div",
      { class: "buttons" },
      element("button", { type: "submit", class: "strong" }, "Ask this instead"),
      element("button", { type: "button", class: "plain", onclick: oncancel }, "Cancel"),
      element("span", { class: "quiet" }, "Later messages are removed."),
    ),
  );
  return form;
}

/** An assistant's turn. */
export class AnswerView {
  /** @param {TurnActions} actions */
  constructor(actions) {
    this.actions = actions;
    this.head = element("div", { class: "turn-head" });
    this.thoughtLine = element("summary");
    this.thoughtText = element("div", { class: "thought-text" });
    this.thought = element(
      "details",
      { class: "thought", hidden: true },
      this.thoughtLine,
      this.thoughtText,
    );
    this.text = element("div", { class: "answer-text" });
    this.markdown = new MarkdownView(this.text);
    this.foot = element("footer", { class: "turn-foot", hidden: true });
    this.root = element(
      "article",
      { class: "turn assistant", "aria-label": "Answer" },
      this.head,
      this.thought,
      this.text,
      this.foot,
    );
    this.headKey = "";
    /** @type {{button: HTMLElement, seed: number} | null} */
    this.lock = null;
  }

  /**
   * @param {Answer} answer
   * @param {boolean} isRunning
   */
  show(answer, isRunning) {
    this.showHead(answer);
    this.showThought(answer, isRunning);
    const { text } = answer;
    this.markdown.show(text);
    // Beside a thought an empty line would only move when the thought's own line comes.
    this.text.hidden = text === "" && (!isRunning || answer.thinking !== "");
    this.text.classList.toggle("is-running", isRunning);
    this.root.setAttribute("aria-busy", String(isRunning));
    this.foot.hidden = isRunning;
    if (!isRunning) fill(this.foot, ...this.ending(answer));
  }

  /** @param {Answer} answer */
  showHead(answer) {
    const key = JSON.stringify([answer.model, answer.jeton.limits]);
    if (key === this.headKey) return;
    this.headKey = key;
    fill(
      this.head,
      element("span", { class: "model-name" }, answer.model ?? "…"),
      limitStrip(answer.jeton.limits?.max_tokens),
    );
  }

  /**
   * @param {Answer} answer
   * @param {boolean} isRunning
   */
  showThought(answer, isRunning) {
    const { text, thinking } = answer;
    if (thinking === "") return;
    this.thought.hidden = false;
    const counts = tokenCounts(answer);
    const state = { isRunning: isRunning && text === "", isExact: counts.isExact };
    const words = thinkingInWords(counts.thinking, answer.jeton.thinking, state);
    if (this.thoughtLine.textContent !== words) this.thoughtLine.textContent = words;
    const shown = this.thoughtText.firstChild;
    if (shown instanceof Text && thinking.startsWith(shown.data))
      shown.appendData(thinking.slice(shown.data.length));
    else this.thoughtText.textContent = thinking;
  }

  /** @param {Answer} answer */
  ending(answer) {
    return [
      this.endingLine(answer),
      this.nextSteps(answer),
      this.facts(answer),
      this.buttons(answer),
      decisionsTable(answer),
    ];
  }

  /** @param {Answer} answer */
  endingLine(answer) {
    if (answer.error) return element("p", { class: "ending bad" }, answer.error.message);
    if (answer.stopped) return element("p", { class: "ending" }, "Stopped by you.");
    if (answer.finishReason === null) {
      return element("p", { class: "ending" }, "Not finished: the page was left.");
    }
    const isCut = answer.finishReason === "length";
    const words = [
      stopInWords(answer.jeton.stop, answer.finishReason),
      truncationInWords(answer.jeton.truncation),
    ];
    return element(
      "p",
      { class: isCut ? "ending cut" : "ending" },
      words.filter((part) => part !== "").join(" "),
    );
  }

  /** @param {Answer} answer */
  nextSteps(answer) {
    if (answer.finishReason !== "length" || answer.stopped) return null;
    const limit = limitOf(answer) ?? tokenCounts(answer).total;
    const enough = enoughTokens(answer.jeton.truncation);
    const more = Math.max(limit * 2, enough ?? 0);
    const goOn = canContinue(answer)
      ? element(
          "button",
          {
            type: "button",
            class: "strong go-on",
            title: `The same tokens, then more, up to ${count(more)} in all; only new ones are paid`,
            onclick: () => this.actions.goOn(more),
          },
          "Continue",
        )
      : null;
    const tryLimit = enough
      ? element(
          "button",
          {
            type: "button",
            class: "outlined try-limit",
            onclick: () => this.actions.tryLimit(enough),
          },
          `Try ${plural(enough, "token")}`,
        )
      : null;
    return goOn || tryLimit
      ? element("div", { class: "buttons next-steps" }, goOn, tryLimit)
      : null;
  }

  /** @param {Answer} answer */
  facts(answer) {
    const times = answer.jeton.times ?? {};
    const ttft =
      times.ttft_ms ??
      (answer.firstMs !== null && answer.startedMs !== null
        ? answer.firstMs - answer.startedMs
        : null);
    const resumed = answer.jeton.resumed?.tokens;
    const speed = tokensPerSecond(answer, answer.endedMs ?? 0);
    const facts = [
      countsInWords(tokenCounts(answer)),
      resumed ? `${count(resumed)} of them from before` : null,
      speed === null ? null : rate(speed),
      ttft === null ? null : `first after ${duration(ttft)}`,
      costOf(answer),
    ].filter((fact) => fact !== null && fact !== "");
    return element(
      "p",
      { class: "facts number" },
      ...facts.map((fact) => element("span", {}, fact)),
      this.seed(answer),
    );
  }

  /** @param {Answer} answer */
  seed(answer) {
    const seed = answer.jeton.seed;
    if (typeof seed !== "number") return null;
    const button = element("button", {
      type: "button",
      class: "plain round tiny",
      onclick: () => this.actions.lockSeed(seed),
    });
    this.lock = { button, seed };
    this.showLock();
    return element("span", { class: "seed" }, `seed ${seed}`, button);
  }

  /** Whether the seed of this answer is the one in use. */
  showLock() {
    if (!this.lock) return;
    const { button, seed } = this.lock;
    const isLocked = this.actions.isSeedLocked(seed);
    const name = isLocked ? "Use a new seed each time" : "Lock this seed";
    button.setAttribute("aria-label", name);
    button.title = name;
    fill(button, icon(isLocked ? "lock" : "unlock"));
  }

  /** @param {Answer} answer */
  buttons(answer) {
    const copy = element(
      "button",
      {
        type: "button",
        class: "plain",
        onclick: async () => {
          const isCopied = await copyText(answer.text);
          copy.textContent = isCopied ? "Copied" : "Not copied";
          announce(copy.textContent);
        },
      },
      "Copy",
    );
    return element(
      "div",
      { class: "buttons quiet-buttons" },
      copy,
      element("button", { type: "button", class: "plain", onclick: this.actions.again }, "Again"),
      element("button", { type: "button", class: "plain", onclick: this.actions.trace }, "Trace"),
      element(
        "button",
        { type: "button", class: "plain", onclick: this.actions.compare },
        "Compare",
      ),
    );
  }
}

/**
 * To the clipboard, also where the page came without encryption and browsers hide the newer way.
 * @param {string} text
 * @returns {Promise<boolean>}
 */
async function copyText(text) {
  if (navigator.clipboard) {
    return navigator.clipboard.writeText(text).then(
      () => true,
      () => false,
    );
  }
  const focused = document.activeElement;
  const area = element("textarea", { class: "unseen", "aria-hidden": "true" });
  area.value = text;
  document.body.append(area);
  area.select();
  const isCopied = document.execCommand("copy");
  area.remove();
  if (focused instanceof HTMLElement) focused.focus();
  return isCopied;
}

/**
 * @param {Answer} answer
 * @returns {string | null}
 */
export function costOf(answer) {
  const cost = answer.jeton.cost;
  if (!cost || typeof cost.total !== "number") return null;
  return cost.total === 0 ? null : money(cost.total, cost.currency);
}
