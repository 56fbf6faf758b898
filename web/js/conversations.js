// The list of conversations that this browser keeps.

import { element, fill, iconButton } from "./dom.js";

/** @typedef {import("./store.js").Conversation} Conversation */

/**
 * @param {object} actions
 * @param {(id: string) => void} actions.open
 * @param {(id: string) => void} actions.remove
 * @param {() => void} actions.fresh
 * @param {() => void} actions.save  as a file
 */
export function conversationList({ open, remove, fresh, save }) {
  const list = element("ul", { class: "conversations" });
  const root = element(
    "nav",
    { class: "conversation-panel", "aria-label": "Conversations" },
    iconButton("plus", "New conversation", fresh, { words: true, class: "outlined wide" }),
    list,
    element(
      "div",
      { class: "buttons" },
      iconButton("save", "Export as JSON", save, { words: true }),
    ),
    element("p", { class: "quiet" }, "Kept in this browser only."),
  );
  return {
    root,
    /**
     * @param {Conversation[]} conversations
     * @param {string} current
     */
    show(conversations, current) {
      fill(
        list,
        ...conversations.map((one) =>
          element(
            "li",
            {},
            element(
              "button",
              {
                type: "button",
                class: "plain title",
                "aria-current": one.id === current ? "true" : null,
                title: one.title,
                onclick: () => open(one.id),
              },
              one.title || "New conversation",
            ),
            iconButton("trash", `Delete “${one.title}”`, () => remove(one.id), {
              class: "plain round tiny",
            }),
          ),
        ),
      );
    },
  };
}

/**
 * Lets the browser save a file.
 * @param {string} name
 * @param {unknown} value
 */
export function saveJson(name, value) {
  const address = URL.createObjectURL(
    new Blob([JSON.stringify(value, null, 2)], { type: "application/json" }),
  );
  const link = element("a", { href: address, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
