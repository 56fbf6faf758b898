// The chat page: conversations, the thread, the composer, the settings.

import { continued, newAnswer, tokenCounts, tokensPerSecond } from "./answer.js";
import { postJson } from "./api.js";
import { AnswerView, userTurn } from "./chat_turn.js";
import { composer } from "./composer.js";
import { conversationList, saveJson } from "./conversations.js";
import { element, fill, iconButton } from "./dom.js";
import { money, plural, rate } from "./format.js";
import { sidePanel } from "./panel.js";
import { run } from "./run.js";
import { Settings, requestFields } from "./settings.js";
import { settingsPanel } from "./settings_panel.js";
import { Store, titleOf } from "./store.js";
import { countsInWords, quoteInWords, stopInWords } from "./words.js";

/** @typedef {import("./answer.js").Answer} Answer */
/** @typedef {import("./store.js").Conversation} Conversation */

const EXAMPLES = [
  "Tell me a story about a fox.",
  "What is 347 + 285?",
  "Make a list of five fruits.",
  "Write a JSON object about a cat.",
];

/**
 * @param {HTMLElement} root
 * @param {import("./main.js").App} app
 */
export function chatPage(root, app) {
  return new ChatPage(root, app);
}

class ChatPage {
  /**
   * @param {HTMLElement} root
   * @param {import("./main.js").App} app
   */
  constructor(root, app) {
    this.app = app;
    this.settings = new Settings("chat");
    this.store = new Store(localStorage);
    /** @type {Conversation} */
    this.conversation = this.store.list()[0] ?? this.store.fresh(Date.now());
    /** @type {AbortController | null} */
    this.running = null;
    /** @type {AnswerView[]} */
    this.views = [];
    this.composer = composer({
      settings: this.settings,
      parameters: app.parameters,
      onsend: (text) => this.say(text),
      onstop: () => this.running?.abort(),
      onpause: (text) => this.quote(text),
    });
    this.thread = element("div", {
      class: "thread",
      tabindex: "0",
      role: "region",
      "aria-label": "Conversation",
    });
    this.list = conversationList({
      open: (id) => this.open(id),
      remove: (id) => this.remove(id),
      fresh: () => this.fresh(),
      save: () => this.saveAll(),
    });
    this.build(root);
    this.showConversation();
    this.store.whenChangedElsewhere((id) => this.changedElsewhere(id));
    this.settings.addEventListener("change", () => {
      this.conversation.system = this.settings.system;
      for (const view of this.views) view.showLock();
    });
  }

  /** @param {HTMLElement} root */
  build(root) {
    const left = element("div", { class: "left-panel" });
    const right = element("aside", { class: "right-panel", "aria-label": "Settings" });
    this.listSheet = sidePanel({
      name: "Conversations",
      content: this.list.root,
      place: left,
      roomy: "(min-width: 1180px)",
      side: "start",
    });
    const settings = settingsPanel(this.settings, this.app.parameters, { system: true });
    const settingsSheet = sidePanel({
      name: "Settings",
      content: settings,
      place: right,
      roomy: "(min-width: 900px)",
    });
    this.title = element("h1", { class: "thread-title" });
    const bar = element(
      "div",
      { class: "thread-bar" },
      iconButton("list", "Conversations", this.listSheet.open, { class: "plain round open-list" }),
      this.title,
      iconButton("plus", "New conversation", () => this.fresh(), { class: "plain round new-one" }),
      iconButton("knobs", "Settings", settingsSheet.open, { class: "plain round open-settings" }),
    );
    root.append(
      left,
      element("div", { class: "middle" }, bar, this.thread, this.composer.root),
      right,
    );
  }

  /**
   * Another tab saved or deleted a conversation: what is shown here must not overwrite it later.
   * @param {string} id
   */
  changedElsewhere(id) {
    if (id === this.conversation.id && !this.store.has(id)) {
      this.fresh();
      this.app.announce("This conversation was deleted in another tab");
      return;
    }
    const changed = id === this.conversation.id && !this.running ? this.store.load(id) : null;
    if (changed) {
      this.conversation = changed;
      this.showConversation();
    } else this.list.show(this.store.list(), this.conversation.id);
  }

  /** A page that was hidden has lost its place. */
  show() {
    this.thread.scrollTop = this.thread.scrollHeight;
  }

  showConversation() {
    this.views = [];
    this.settings.system = this.conversation.system;
    this.settings.changed();
    this.title && (this.title.textContent = this.conversation.title || "New conversation");
    this.list.show(this.store.list(), this.conversation.id);
    if (this.conversation.turns.length === 0) {
      fill(this.thread, this.welcome());
      return;
    }
    const column = element("div", { class: "column" });
    this.conversation.turns.forEach((turn, index) => {
      if (turn.role === "user")
        column.append(userTurn(turn.text, (text) => this.sayInstead(index, text)));
      else {
        const view = this.viewFor(index);
        view.show({ ...newAnswer(), ...turn.answer, text: turn.text }, false);
        column.append(view.root);
      }
    });
    fill(this.thread, column);
    this.thread.scrollTop = this.thread.scrollHeight;
  }

  welcome() {
    const buttons = EXAMPLES.map((text) =>
      element("button", { type: "button", class: "outlined", onclick: () => this.say(text) }, text),
    );
    return element(
      "div",
      { class: "welcome" },
      element("h2", {}, "See and govern every token"),
      element(
        "p",
        { class: "quiet" },
        "Ask something. You will see how long the answer may be and who decided it, what it cost, and why it ended.",
      ),
      element("div", { class: "examples" }, ...buttons),
    );
  }

  /** @param {number} index of the assistant's turn */
  viewFor(index) {
    const turn = () => this.conversation.turns[index];
    const view = new AnswerView({
      goOn: (limit) => this.goOn(index, view, limit),
      tryLimit: (limit) => {
        Object.assign(this.settings.length, { mode: "exact", tokens: limit });
        this.settings.changed();
        this.answer(index, view, { seed: turn().answer?.jeton?.seed });
      },
      again: () => this.answer(index, view, {}),
      trace: () => {
        this.app.handed.trace = { ...this.requestAt(index), ...this.sameAgain(turn().answer) };
        location.hash = "#/trace";
      },
      compare: () => {
        this.app.handed.compare = { prompt: this.conversation.turns[index - 1]?.text ?? "" };
        location.hash = "#/compare";
      },
      lockSeed: (seed) => {
        this.settings.seed = this.settings.seed === seed ? null : seed;
        this.settings.changed();
      },
      isSeedLocked: (seed) => this.settings.seed === seed,
    });
    this.views.push(view);
    return view;
  }

  /** @param {any} answer  what makes a second run give the same tokens */
  sameAgain(answer) {
    const effective = answer?.jeton?.limits?.max_tokens?.effective;
    const seed = answer?.jeton?.seed;
    return {
      ...(typeof seed === "number" ? { seed } : {}),
      ...(typeof effective === "number" ? { max_tokens: effective, length: undefined } : {}),
    };
  }

  /** @param {string} text */
  say(text) {
    if (this.running) return;
    const { turns } = this.conversation;
    if (turns.length === 0) this.conversation.title = titleOf(text);
    turns.push({ role: "user", text }, { role: "assistant", text: "" });
    this.keep(this.conversation);
    this.showConversation();
    const index = turns.length - 1;
    const view = this.viewFor(index);
    this.thread.querySelector(".column > :last-child")?.replaceWith(view.root);
    this.answer(index, view, {});
  }

  /**
   * Says something else at `index`; what came after it was about what was said before.
   * @param {number} index
   * @param {string} text
   */
  sayInstead(index, text) {
    if (this.running) return;
    this.conversation.turns.length = index;
    this.say(text);
    this.composer.focus();
  }

  /**
   * Tells beforehand what an answer will likely take. Without an answer nothing is told.
   * @param {string} text
   */
  async quote(text) {
    if (text === "") return this.composer.setLive("");
    const body = this.requestAt(this.conversation.turns.length);
    const messages = [.../** @type {any[]} */ (body.messages), { role: "user", content: text }];
    const quote = await postJson("/v1/quote", { ...body, messages }).catch(() => null);
    if (!this.running) this.composer.setLive(quoteInWords(quote));
  }

  /**
   * The request for the assistant's turn at `index`.
   * @param {number} index
   * @returns {Record<string, unknown>}
   */
  requestAt(index) {
    const messages = this.conversation.turns
      .slice(0, index)
      .map((turn) => ({ role: turn.role, content: turn.text }));
    if (this.conversation.system.trim() !== "")
      messages.unshift(/** @type {any} */ ({ role: "system", content: this.conversation.system }));
    return {
      model: this.app.models.chosen || undefined,
      messages,
      ...requestFields(this.settings),
    };
  }

  /**
   * @param {number} index
   * @param {AnswerView} view
   * @param {Record<string, unknown>} extra
   */
  answer(index, view, extra) {
    return this.run(
      index,
      view,
      { ...this.requestAt(index), ...extra, return_state: true },
      newAnswer(performance.now()),
    );
  }

  /**
   * The same text and more of it, from its saved state.
   * @param {number} index
   * @param {AnswerView} view
   * @param {number} limit
   */
  goOn(index, view, limit) {
    const old = /** @type {Answer} */ (this.conversation.turns[index].answer);
    const { model, messages } = this.requestAt(index);
    const body = {
      model: old.model ?? model,
      messages,
      max_tokens: limit,
      resume: old.jeton.state,
      return_state: true,
    };
    return this.run(index, view, body, continued(old, performance.now()));
  }

  /**
   * @param {number} index
   * @param {AnswerView} view
   * @param {Record<string, unknown>} body
   * @param {Answer} answer
   */
  async run(index, view, body, answer) {
    if (this.running) return;
    const { conversation } = this;
    const running = new AbortController();
    this.running = running;
    this.composer.setRunning(true);
    this.app.announce("Answering");
    const done = await run(
      body,
      (now, isRunning) => this.draw(view, now, isRunning),
      running.signal,
      answer,
    );
    this.running = null;
    this.composer.setRunning(false);
    const before = conversation.turns[index].answer;
    const isRefusedToGoOn = "resume" in body && done.error !== null && done.id === null && before;
    // What there was stays as it was: it can be gone on with later.
    const kept = isRefusedToGoOn ? { ...before, error: done.error } : done;
    if (isRefusedToGoOn) view.show({ ...newAnswer(), ...kept }, false);
    conversation.turns[index].text = kept.text;
    conversation.turns[index].answer = { ...kept, steps: [] };
    // One that was deleted meanwhile stays deleted.
    if (this.store.has(conversation.id)) this.keep(conversation);
    this.tell(kept);
  }

  /** @param {Conversation} conversation */
  keep(conversation) {
    conversation.changedMs = Date.now();
    if (!this.store.save(conversation)) this.app.announce("This browser keeps no conversations");
    this.list.show(this.store.list(), this.conversation.id);
  }

  /**
   * @param {AnswerView} view
   * @param {Answer} answer
   * @param {boolean} isRunning
   */
  draw(view, answer, isRunning) {
    const isAtEnd =
      this.thread.scrollHeight - this.thread.scrollTop - this.thread.clientHeight < 60;
    view.show(answer, isRunning);
    if (isAtEnd) this.thread.scrollTop = this.thread.scrollHeight;
    const counts = tokenCounts(answer);
    const speed = tokensPerSecond(answer, performance.now());
    const cost = this.app.parameters.costSoFar(counts);
    const words = [plural(counts.total, "token"), rate(speed)];
    if (cost) words.push(money(cost.total, cost.currency));
    this.composer.setLive(isRunning && counts.total > 0 ? words.join(" · ") : "");
  }

  /** @param {Answer} answer */
  tell(answer) {
    if (answer.error) this.app.announce(`No answer: ${answer.error.message}`);
    else {
      const ending = answer.stopped
        ? "Stopped."
        : stopInWords(answer.jeton.stop, answer.finishReason);
      this.app.announce(
        `${answer.text.slice(0, 600)} Answer complete, ${countsInWords(tokenCounts(answer))}. ${ending}`,
      );
    }
  }

  /** @param {string} id */
  open(id) {
    this.running?.abort();
    this.conversation = this.store.load(id) ?? this.store.fresh(Date.now());
    this.listSheet?.close();
    this.showConversation();
  }

  fresh() {
    this.running?.abort();
    const { system } = this.conversation;
    this.conversation = { ...this.store.fresh(Date.now()), system };
    this.listSheet?.close();
    this.showConversation();
    this.composer.focus();
  }

  /** @param {string} id */
  remove(id) {
    this.store.remove(id);
    if (id === this.conversation.id) this.fresh();
    else this.list.show(this.store.list(), this.conversation.id);
    this.app.announce("Conversation deleted");
  }

  saveAll() {
    saveJson("jeton-conversations.json", {
      format: "jeton-conversations",
      version: 1,
      conversations: this.store.list(),
    });
  }
}
