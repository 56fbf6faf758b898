// A small, safe Markdown: paragraphs, headings, lists, quotes, fences, rules; bold, italic, code.
// Pure: text in, plain data out; `markdown_view.js` makes elements of it. There are no links, images
// or HTML: what a model writes is never more than text. Time is linear in the text.

/** @typedef {{kind: "text" | "bold" | "italic" | "code", text: string}} Inline */
/** @typedef {{level: number, mark: string, text: string}} Item */
/**
 * @typedef {object} Block
 * @property {"paragraph" | "heading" | "list" | "quote" | "fence" | "rule"} kind
 * @property {string} raw  the lines it was made of: equal lines make an equal block
 * @property {string} text
 * @property {number} [level] of a heading, 1 to 6
 * @property {string} [language] of a fence
 * @property {boolean} [ordered] of a list
 * @property {number} [first] number of an ordered list's first item
 * @property {Item[]} [items]
 */

const FENCE = /^ {0,3}(`{3,}|~{3,})(.*)$/;
const HEADING = /^ {0,3}(#{1,6})\s(.*)$/;
const ITEM = /^(\s{0,12})([-*+]|\d{1,9}[.)])\s+(.*)$/;
const QUOTE = /^ {0,3}>\s?(.*)$/;

/**
 * @param {string} text
 * @returns {Block[]}
 */
export function blocks(text) {
  const lines = text.split("\n");
  /** @type {Block[]} */
  const found = [];
  let at = 0;
  while (at < lines.length) {
    if (lines[at].trim() === "") {
      at += 1;
      continue;
    }
    const from = at;
    const block =
      fence(lines, at) ??
      heading(lines, at) ??
      list(lines, at) ??
      quote(lines, at) ??
      paragraph(lines, at);
    at += block.count;
    found.push({ ...block.block, raw: lines.slice(from, at).join("\n") });
  }
  return found;
}

/** @typedef {{count: number, block: Omit<Block, "raw">}} Taken */

/**
 * The marks and the language of a line that opens a fence. Here and below a pattern never has two
 * ways to match the same blanks: a long line of them would be tried in all of them.
 * @param {string} line
 */
function fenceOf(line) {
  const [, marks, info] = FENCE.exec(line) ?? [];
  if (!marks || info.includes("`")) return null;
  return { marks, language: /^[\w+#.-]*/.exec(info.trim())?.[0] ?? "" };
}

/**
 * Whether a line is a rule: three or more of the same mark, blanks between them.
 * @param {string} line
 */
function isRule(line) {
  const bare = line.replaceAll(/\s/g, "");
  const indent = line.length - line.trimStart().length;
  return indent <= 3 && bare.length >= 3 && "-*_".includes(bare[0]) &&
    bare === bare[0].repeat(bare.length);
}

/** @type {(lines: string[], at: number) => Taken | null} */
function fence(lines, at) {
  const open = fenceOf(lines[at]);
  if (!open) return null;
  const { marks, language } = open;
  let end = at + 1;
  const isClosing = (/** @type {string} */ line) => {
    const bare = line.trim();
    return bare.length >= marks.length && bare === marks[0].repeat(bare.length);
  };
  while (end < lines.length && !isClosing(lines[end])) end += 1;
  const inside = lines.slice(at + 1, end).join("\n");
  const count = Math.min(end + 1, lines.length) - at;
  return { count, block: { kind: "fence", text: inside, language } };
}

/** @type {(lines: string[], at: number) => Taken | null} */
function heading(lines, at) {
  const found = HEADING.exec(lines[at]);
  if (found) {
    let text = found[2].trimEnd();
    while (text.endsWith("#")) text = text.slice(0, -1);
    return { count: 1, block: { kind: "heading", text: text.trim(), level: found[1].length } };
  }
  if (isRule(lines[at])) return { count: 1, block: { kind: "rule", text: "" } };
  return null;
}

/** @type {(lines: string[], at: number) => Taken | null} */
function list(lines, at) {
  const first = ITEM.exec(lines[at]);
  if (!first) return null;
  const ordered = /\d/.test(first[2]);
  /** @type {Item[]} */
  const items = [];
  let end = at;
  while (end < lines.length) {
    const line = lines[end];
    const item = isRule(line) ? null : ITEM.exec(line);
    if (item) {
      if (item[1].length < 2 && /\d/.test(item[2]) !== ordered) break;
      items.push({
        level: Math.min(3, Math.floor(item[1].length / 2)),
        mark: item[2],
        text: item[3],
      });
    } else if (line.trim() === "") {
      if (!ITEM.test(lines[end + 1] ?? "")) break;
    } else if (/^\s+/.test(line) && items.length > 0)
      items[items.length - 1].text += `\n${line.trim()}`;
    else break;
    end += 1;
  }
  const start = ordered ? Number.parseInt(first[2], 10) : 1;
  return { count: end - at, block: { kind: "list", text: "", ordered, first: start, items } };
}

/** @type {(lines: string[], at: number) => Taken | null} */
function quote(lines, at) {
  let end = at;
  /** @type {string[]} */
  const inside = [];
  for (let found = QUOTE.exec(lines[end]); found; found = QUOTE.exec(lines[end] ?? "")) {
    inside.push(found[1]);
    end += 1;
  }
  return end === at ? null : { count: end - at, block: { kind: "quote", text: inside.join("\n") } };
}

/** @type {(lines: string[], at: number) => Taken} */
function paragraph(lines, at) {
  let end = at + 1;
  const isOther = (/** @type {string} */ line) =>
    line.trim() === "" ||
    fenceOf(line) !== null ||
    HEADING.test(line) ||
    ITEM.test(line) ||
    QUOTE.test(line) ||
    isRule(line);
  while (end < lines.length && !isOther(lines[end])) end += 1;
  return { count: end - at, block: { kind: "paragraph", text: lines.slice(at, end).join("\n") } };
}

/**
 * Bold, italic and code inside of a line. A mark without its partner is plain text.
 * @param {string} text
 * @returns {Inline[]}
 */
export function inlines(text) {
  const pattern =
    /(?<!`)(`{1,8})(?!`)([^`]+)\1(?!`)|\*\*(?=\S)([^*]{1,2000}?\S?)\*\*|__(?=\S)([^_]{1,2000}?)__(?!\w)|\*(?=\S)([^*\n]{1,2000}?)\*(?!\*)|(?<!\w)_(?=\S)([^_\n]{1,2000}?)_(?!\w)/g;
  /** @type {Inline[]} */
  const parts = [];
  let from = 0;
  for (const found of text.matchAll(pattern)) {
    const at = found.index ?? 0;
    if (at > from) parts.push({ kind: "text", text: text.slice(from, at) });
    if (found[2] !== undefined) parts.push({ kind: "code", text: found[2] });
    else if (found[3] !== undefined || found[4] !== undefined)
      parts.push({ kind: "bold", text: found[3] ?? found[4] });
    else parts.push({ kind: "italic", text: found[5] ?? found[6] });
    from = at + found[0].length;
  }
  if (from < text.length) parts.push({ kind: "text", text: text.slice(from) });
  return parts;
}
