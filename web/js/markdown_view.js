// Markdown blocks as elements. While an answer streams only the blocks that changed are made anew, so
// a selection or the reader's place in an earlier block stays.

import { element } from "./dom.js";
import { blocks, inlines } from "./markdown.js";

/** @typedef {import("./markdown.js").Block} Block */
/** @typedef {import("./markdown.js").Item} Item */

/** Shows a growing text in one element. */
export class MarkdownView {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    /** @type {string[]} */
    this.shown = [];
  }

  /** @param {string} text */
  show(text) {
    const found = blocks(text);
    found.forEach((block, index) => {
      const key = `${block.kind}:${block.raw}`;
      if (this.shown[index] === key) return;
      const old = this.root.children[index];
      const grown = old && growText(old, this.shown[index] ?? "", block);
      if (!grown) {
        const made = blockElement(block);
        if (old) old.replaceWith(made);
        else this.root.append(made);
      }
      this.shown[index] = key;
    });
    while (this.root.children.length > found.length) this.root.lastElementChild?.remove();
    this.shown.length = found.length;
  }
}

/**
 * The usual case while streaming: a fence or a plain paragraph got longer at its end.
 * @param {Element} old
 * @param {string} oldKey
 * @param {Block} block
 */
function growText(old, oldKey, block) {
  if (!oldKey.startsWith(`${block.kind}:`)) return false;
  if (block.kind === "fence" && old.matches("pre")) {
    const code = old.querySelector("code");
    if (!code || old.getAttribute("data-language") !== (block.language || null)) return false;
    code.textContent = block.text;
    return true;
  }
  if (block.kind !== "paragraph" || !old.matches("p")) return false;
  const parts = inlines(block.text);
  const only = old.childNodes.length === 1 ? old.firstChild : null;
  if (parts.length !== 1 || parts[0].kind !== "text" || !(only instanceof Text)) return false;
  if (!block.text.startsWith(only.data)) return false;
  only.appendData(block.text.slice(only.data.length));
  return true;
}

/**
 * @param {Block} block
 * @returns {HTMLElement}
 */
function blockElement(block) {
  switch (block.kind) {
    case "heading":
      // Headings of an answer stand below those of the page.
      return element(
        "p",
        {
          class: `heading level-${block.level}`,
          role: "heading",
          "aria-level": 3 + (block.level ?? 1),
        },
        ...inlineNodes(block.text),
      );
    case "fence":
      return element(
        "pre",
        {
          tabindex: "0",
          role: "group",
          "aria-label": block.language ? `${block.language} code` : "code",
          "data-language": block.language || null,
        },
        element("code", {}, block.text),
      );
    case "list":
      return listElement(
        block.items ?? [],
        0,
        block.items?.length ?? 0,
        block.ordered ?? false,
        block.first ?? 1,
      );
    case "quote":
      return element("blockquote", {}, ...inlineNodes(block.text));
    case "rule":
      return element("hr");
    default:
      return element("p", {}, ...inlineNodes(block.text));
  }
}

/**
 * @param {Item[]} items
 * @param {number} from
 * @param {number} to
 * @param {boolean} ordered
 * @param {number} first
 */
function listElement(items, from, to, ordered, first) {
  const made = ordered ? element("ol", { start: first }) : element("ul");
  const level = items[from]?.level ?? 0;
  let at = from;
  while (at < to) {
    let end = at + 1;
    while (end < to && items[end].level > level) end += 1;
    const entry = element("li", {}, ...inlineNodes(items[at].text));
    if (end > at + 1) {
      const inner = items[at + 1].mark;
      entry.append(
        listElement(items, at + 1, end, /\d/.test(inner), Number.parseInt(inner, 10) || 1),
      );
    }
    made.append(entry);
    at = end;
  }
  return made;
}

/** @param {string} text */
function inlineNodes(text) {
  return inlines(text).map((part) => {
    if (part.kind === "bold") return element("strong", {}, part.text);
    if (part.kind === "italic") return element("em", {}, part.text);
    if (part.kind === "code") return element("code", {}, part.text);
    return document.createTextNode(part.text);
  });
}
