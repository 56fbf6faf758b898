import assert from "node:assert/strict";
import { test } from "node:test";
import { blocks, inlines } from "../../../web/js/markdown.js";

const kinds = (text) => blocks(text).map((block) => block.kind);

test("the blocks of a text", () => {
  const text =
    "# Title\nWords\nmore words\n\n- a\n- b\n  - c\n\n3. x\n4. y\n\n> said\n> so\n\n---\n```rust\nlet *x* = 1;\n```\nEnd";
  assert.deepEqual(kinds(text), [
    "heading",
    "paragraph",
    "list",
    "list",
    "quote",
    "rule",
    "fence",
    "paragraph",
  ]);
  const found = blocks(text);
  assert.equal(found[0].level, 1);
  assert.deepEqual(
    found[2].items.map((item) => item.level),
    [0, 0, 1],
  );
  assert.equal(found[3].first, 3);
  assert.equal(found[6].text, "let *x* = 1;");
  assert.equal(found[6].language, "rust");
});

test("a fence that is still open holds all that follows", () => {
  assert.deepEqual(blocks("```\n# no heading\n- no list"), [
    {
      kind: "fence",
      text: "# no heading\n- no list",
      language: "",
      raw: "```\n# no heading\n- no list",
    },
  ]);
});

test("blocks lose nothing but blank lines", () => {
  const text = "a\n\n\n# b\n1. c\n\n2. d\n   e\n~~~\nf\n\ng\n~~~\n> h\n***\ni";
  const kept = blocks(text)
    .map((block) => block.raw)
    .join("\n")
    .split("\n")
    .filter((line) => line.trim() !== "");
  assert.deepEqual(
    kept,
    text.split("\n").filter((line) => line.trim() !== ""),
  );
});

test("bold, italic and code; marks without partner are text", () => {
  assert.deepEqual(inlines("a **b** *c* `d*e*` _f_"), [
    { kind: "text", text: "a " },
    { kind: "bold", text: "b" },
    { kind: "text", text: " " },
    { kind: "italic", text: "c" },
    { kind: "text", text: " " },
    { kind: "code", text: "d*e*" },
    { kind: "text", text: " " },
    { kind: "italic", text: "f" },
  ]);
  for (const text of ["2 * 3 * 4", "snake_case_name", "**", "a ** b", "`", "<b>&amp;</b>"]) {
    assert.deepEqual(inlines(text), [{ kind: "text", text }], text);
  }
});

test("long hostile lines neither hang nor lose a letter", { timeout: 20_000 }, () => {
  for (const unit of ["*", "**a", "`", "``a`", "_", "__a", "[", "> ", "- ", "1. ", "#"]) {
    const text = unit.repeat(30_000);
    const kept = inlines(text)
      .map((part) => part.text)
      .join("");
    const letters = (line) => line.replaceAll(/[*_`]/g, "");
    assert.equal(letters(kept), letters(text), unit);
    assert.ok(blocks(text).length > 0);
  }
});

test("long blanks are read in time that grows with them, not with their cube", () => {
  const blanks = " ".repeat(50_000);
  const [heading] = blocks(`# a${blanks}b ##  `);
  assert.equal(heading.kind, "heading");
  assert.ok(heading.text.startsWith("a ") && heading.text.endsWith(" b"));
  assert.equal(blocks(`\`\`\`${blanks}\``)[0].kind, "paragraph");
  assert.equal(blocks(`-${blanks}-${blanks}x`)[0].kind, "list");
  assert.equal(blocks("- - -")[0].kind, "rule");
  assert.equal(blocks("~~~ c++ x\ny\n~~~")[0].language, "c++");
});
