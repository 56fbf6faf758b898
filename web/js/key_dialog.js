// The API key, where the server asks for one. It stays in this tab's session storage.

import { apiKey, setApiKey } from "./api.js";
import { element, freshId, iconButton } from "./dom.js";

/** @param {() => void} ask */
export function keyButton(ask) {
  return iconButton("key", "API key", ask, { class: "plain round key-button" });
}

/**
 * Asks for the key.
 * @param {boolean} isRefused  the key in use was refused
 * @returns {Promise<boolean>} whether it was changed
 */
export function openKeyDialog(isRefused) {
  return new Promise((resolve) => {
    const id = freshId("key");
    const input = element("input", {
      id,
      type: "password",
      autocomplete: "off",
      spellcheck: "false",
      placeholder: "jt-…",
    });
    input.value = apiKey();
    let isChanged = false;
    const close = () => dialog.close();
    const form = element(
      "form",
      {
        method: "dialog",
        onsubmit: () => {
          isChanged = input.value.trim() !== apiKey();
          setApiKey(input.value.trim());
        },
      },
      element("h2", {}, "API key"),
      element(
        "p",
        {},
        isRefused
          ? "The server did not accept this key."
          : "A server that has keys answers only with one. The operator makes them with ",
        isRefused ? null : element("code", {}, "jeton key create"),
        isRefused ? null : ".",
      ),
      element("label", { for: id }, "Key"),
      input,
      element("p", { class: "quiet" }, "Kept until this tab is closed, sent to this server only."),
      element(
        "div",
        { class: "buttons" },
        element("button", { type: "submit", class: "strong" }, "Use it"),
        element("button", { type: "button", class: "plain", onclick: close }, "Cancel"),
      ),
    );
    const dialog = element(
      "dialog",
      {
        class: "small-dialog",
        "aria-label": "API key",
        onclose: () => {
          dialog.remove();
          resolve(isChanged);
        },
      },
      form,
    );
    document.body.append(dialog);
    dialog.showModal();
    input.select();
  });
}
