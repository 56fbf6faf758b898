// What a page begins with: its name, what it is for, and its own links where it has several views.

import { element } from "./dom.js";

/**
 * @param {string} title
 * @param {(Node | string)[]} words
 * @param {HTMLElement} [links]
 */
export function pageHead(title, words, links) {
  return element(
    "header",
    { class: "page-head" },
    element("div", {}, element("h1", {}, title), element("p", {}, ...words)),
    links,
  );
}
