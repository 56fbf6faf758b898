// Building the page. What a model wrote enters it as text nodes only.

/** @typedef {string | number | boolean | null | undefined | ((event: any) => void)} Attribute */

/**
 * Makes an element. `onclick`-like names take functions; names that begin with two dashes are style
 * properties; true and false switch an attribute.
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, Attribute>} [attributes]
 * @param {...(Node | string | null | undefined | false)} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") made.addEventListener(name.replace(/^on/, ""), value);
    else if (name.startsWith("--")) made.style.setProperty(name, String(value));
    else made.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children) {
    if (child !== null && child !== undefined && child !== false) made.append(child);
  }
  return made;
}

/**
 * @param {Element} parent
 * @param {...(Node | string | null | undefined | false)} children
 */
export function fill(parent, ...children) {
  /** @type {(Node | string)[]} */
  const present = [];
  for (const child of children) {
    if (child !== null && child !== undefined && child !== false) present.push(child);
  }
  parent.replaceChildren(...present);
}

let idCount = 0;

/**
 * An id that nothing else on the page has.
 * @param {string} stem
 */
export function freshId(stem) {
  idCount += 1;
  return `${stem}-${idCount}`;
}

/** The shapes of the icons, drawn on a square of 24. */
const ICONS = {
  sun: "M12 7a5 5 0 1 0 0 10 5 5 0 0 0 0-10zM12 1v3M12 20v3M1 12h3M20 12h3M4.2 4.2l2.1 2.1M17.7 17.7l2.1 2.1M19.8 4.2l-2.1 2.1M6.3 17.7l-2.1 2.1",
  moon: "M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5z",
  auto: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 3v18M12 7l6-1.5M12 11l8.5-1.5M12 15l8.5-1M12 19l6-2",
  key: "M15 4a5 5 0 1 0 0 10 5 5 0 0 0 0-10zM11.5 12.5 4 20M6.5 17.5l2.5 2.5",
  list: "M4 6h16M4 12h16M4 18h10",
  knobs:
    "M4 7h9M19 7h1M16 4.5a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5zM4 17h1M11 17h9M8 14.5a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5z",
  send: "M12 20V5M5.5 11.5 12 5l6.5 6.5",
  pencil: "M4 20l1-4.5L16.5 4 20 7.5 8.5 19zM14 6.5l3.5 3.5",
  stop: "M7 7h10v10H7z",
  plus: "M12 5v14M5 12h14",
  close: "M6 6l12 12M18 6 6 18",
  trash: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13",
  reset: "M4 12a8 8 0 1 0 2.5-5.8M4 4v4.5h4.5",
  lock: "M6 11h12v9H6zM8.5 11V8a3.5 3.5 0 0 1 7 0v3",
  unlock: "M6 11h12v9H6zM8.5 11V8a3.5 3.5 0 0 1 6.8-1.2",
  back: "M15 5l-7 7 7 7",
  on: "M9 5l7 7-7 7",
  save: "M12 4v11M7 10.5l5 5 5-5M5 20h14",
};

/**
 * A small drawing; it says nothing to a screen reader.
 * @param {keyof typeof ICONS} name
 */
export function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(space, "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

/**
 * A button with an icon and a name; the name is seen only where `words` says so.
 * @param {keyof typeof ICONS} drawing
 * @param {string} name
 * @param {(event: any) => void} onclick
 * @param {{words?: boolean, class?: string}} [look]
 */
export function iconButton(drawing, name, onclick, look = {}) {
  const words = look.words ? element("span", {}, name) : null;
  return element(
    "button",
    {
      type: "button",
      class: look.class ?? (look.words ? "plain" : "plain round"),
      "aria-label": look.words ? null : name,
      title: look.words ? null : name,
      onclick,
    },
    icon(drawing),
    words,
  );
}

/**
 * Control characters, and those that change the direction of text, as something to be seen.
 * @param {string} text
 */
export function visible(text) {
  const hidden = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g;
  return text.replace(hidden, (letter) => {
    if (letter === "\n") return "\\n";
    if (letter === "\t") return "\\t";
    return `\\u{${(letter.codePointAt(0) ?? 0).toString(16)}}`;
  });
}

/**
 * A token in quotation marks, set as code.
 * @param {string} text
 */
export function tokenText(text) {
  return element("span", { class: "token" }, `“${visible(text)}”`);
}
