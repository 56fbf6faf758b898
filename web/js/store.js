// Conversations, kept in this browser only: each under a key of its own, bounded in number and size.

/** Conversations that are kept; beyond it the oldest goes. */
export const CONVERSATIONS_MAX = 60;

/** Characters of one conversation; beyond it its oldest turns lose their saved states, then go. */
export const CONVERSATION_CHARS_MAX = 200_000;

const PREFIX = "jeton.conversation.";

/**
 * @typedef {object} Turn
 * @property {"user" | "assistant"} role
 * @property {string} text
 * @property {any} [answer]  of an assistant's turn: what is worth keeping of its `Answer`
 */
/**
 * @typedef {object} Conversation
 * @property {string} id
 * @property {string} title
 * @property {number} changedMs
 * @property {string} system
 * @property {Turn[]} turns
 */

/** The place where conversations lie. */
export class Store {
  /** @param {Storage} storage */
  constructor(storage) {
    this.storage = storage;
  }

  /**
   * @param {number} nowMs
   * @returns {Conversation}
   */
  fresh(nowMs) {
    const id = `${nowMs.toString(36)}-${Math.random().toString(36).slice(2, 8)}`;
    return { id, title: "", changedMs: nowMs, system: "", turns: [] };
  }

  /** @returns {Conversation[]} newest first */
  list() {
    const found = [];
    for (let index = 0; index < this.storage.length; index += 1) {
      const key = this.storage.key(index);
      const one = key?.startsWith(PREFIX) ? this.read(key) : null;
      if (one) found.push(one);
    }
    return found.sort((a, b) => b.changedMs - a.changedMs);
  }

  /** @param {string} id */
  has(id) {
    return this.storage.getItem(PREFIX + id) !== null;
  }

  /**
   * Told of conversations that another tab saved or deleted.
   * @param {(id: string) => void} told
   */
  whenChangedElsewhere(told) {
    window.addEventListener("storage", (event) => {
      if (event.storageArea === this.storage && event.key?.startsWith(PREFIX))
        told(event.key.slice(PREFIX.length));
    });
  }

  /** @param {string} id */
  load(id) {
    return this.read(PREFIX + id);
  }

  /**
   * @param {string} key
   * @returns {Conversation | null} null for what is missing or not readable
   */
  read(key) {
    try {
      const one = JSON.parse(this.storage.getItem(key) ?? "null");
      return one && typeof one.id === "string" && Array.isArray(one.turns) ? one : null;
    } catch {
      return null;
    }
  }

  /**
   * Saves it, and makes room where there is none.
   * @param {Conversation} conversation
   * @returns {boolean} false when the browser keeps nothing
   */
  save(conversation) {
    const text = bounded(conversation);
    const others = this.list().filter((one) => one.id !== conversation.id);
    for (const old of others.slice(CONVERSATIONS_MAX - 1)) this.remove(old.id);
    for (let kept = Math.min(others.length, CONVERSATIONS_MAX - 1); kept >= 0; kept -= 1) {
      try {
        this.storage.setItem(PREFIX + conversation.id, text);
        return true;
      } catch {
        if (kept > 0) this.remove(others[kept - 1].id);
      }
    }
    return false;
  }

  /** @param {string} id */
  remove(id) {
    this.storage.removeItem(PREFIX + id);
  }
}

/**
 * The conversation as JSON of a bounded length.
 * @param {Conversation} conversation
 */
export function bounded(conversation) {
  let turns = conversation.turns;
  let text = JSON.stringify({ ...conversation, turns });
  if (text.length <= CONVERSATION_CHARS_MAX) return text;
  turns = turns.map((turn, index) =>
    index + 1 < turns.length && turn.answer ? { ...turn, answer: withoutState(turn.answer) } : turn,
  );
  text = JSON.stringify({ ...conversation, turns });
  while (text.length > CONVERSATION_CHARS_MAX && turns.length > 2) {
    turns = turns.slice(2);
    text = JSON.stringify({ ...conversation, turns });
  }
  return text;
}

/** @param {any} answer */
function withoutState(answer) {
  const { state, ...jeton } = answer.jeton ?? {};
  return { ...answer, jeton };
}

/**
 * A title from the first words said.
 * @param {string} text
 */
export function titleOf(text) {
  const line = text.trim().split("\n")[0] ?? "";
  return line.length <= 48 ? line : `${line.slice(0, 47).trimEnd()}…`;
}
