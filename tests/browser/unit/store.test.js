import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CONVERSATIONS_MAX,
  CONVERSATION_CHARS_MAX,
  Store,
  bounded,
  titleOf,
} from "../../../web/js/store.js";

/** The browser's storage with a limit of characters. */
class FakeStorage {
  constructor(charsMax) {
    this.charsMax = charsMax;
    this.map = new Map();
  }
  get length() {
    return this.map.size;
  }
  key(index) {
    return [...this.map.keys()][index] ?? null;
  }
  getItem(key) {
    return this.map.get(key) ?? null;
  }
  setItem(key, value) {
    const others = [...this.map]
      .filter(([name]) => name !== key)
      .reduce((sum, [, text]) => sum + text.length, 0);
    if (others + value.length > this.charsMax) throw new Error("quota");
    this.map.set(key, value);
  }
  removeItem(key) {
    this.map.delete(key);
  }
}

const conversation = (store, now, text) => {
  const one = store.fresh(now);
  one.turns.push({ role: "user", text });
  return one;
};

test("conversations come back, newest first, and never too many", () => {
  const store = new Store(new FakeStorage(1e9));
  for (let now = 1; now <= CONVERSATIONS_MAX + 5; now += 1)
    assert.ok(store.save(conversation(store, now, `t${now}`)));
  const list = store.list();
  assert.equal(list.length, CONVERSATIONS_MAX);
  assert.equal(list[0].turns[0].text, `t${CONVERSATIONS_MAX + 5}`);
  assert.equal(list.at(-1).changedMs, 6);
});

test("a full browser loses the oldest, and says when it keeps nothing", () => {
  const store = new Store(new FakeStorage(1000));
  for (let now = 1; now <= 9; now += 1)
    assert.ok(store.save(conversation(store, now, "x".repeat(150))));
  assert.ok(store.list().length < 9);
  assert.equal(store.list()[0].changedMs, 9);
  assert.equal(store.save(conversation(store, 10, "x".repeat(2000))), false);
});

test("what cannot be read is left alone", () => {
  const storage = new FakeStorage(1e6);
  storage.setItem("jeton.conversation.broken", "{");
  storage.setItem("jeton.conversation.odd", "3");
  storage.setItem("other", "{}");
  assert.deepEqual(new Store(storage).list(), []);
});

test("a long conversation loses old states first, then its oldest turns", () => {
  const state = "s".repeat(CONVERSATION_CHARS_MAX / 2);
  const turns = [
    { role: "user", text: "a" },
    { role: "assistant", text: "b", answer: { jeton: { state, seed: 1 } } },
    { role: "user", text: "c" },
    { role: "assistant", text: "d", answer: { jeton: { state, seed: 2 } } },
  ];
  const kept = JSON.parse(bounded({ id: "x", title: "", changedMs: 0, system: "", turns }));
  assert.deepEqual(
    kept.turns.map((turn) => turn.text),
    ["a", "b", "c", "d"],
  );
  assert.equal(kept.turns[1].answer.jeton.state, undefined);
  assert.equal(kept.turns[3].answer.jeton.state, state);
  const long = Array.from({ length: 40 }, (_, index) => ({
    role: index % 2 ? "assistant" : "user",
    text: "y".repeat(20_000),
  }));
  assert.ok(
    bounded({ id: "x", title: "", changedMs: 0, system: "", turns: long }).length <=
      CONVERSATION_CHARS_MAX,
  );
});

test("titles are short", () => {
  assert.equal(titleOf("  Hello\nworld"), "Hello");
  assert.ok(titleOf("x".repeat(100)).length <= 48);
});
