"use strict";

/* Everything that the model wrote reaches the page as text nodes only. */

const trace = JSON.parse(document.getElementById("trace").textContent);
const steps = trace.steps;
const byId = (id) => document.getElementById(id);

function element(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name.startsWith("--")) made.style.setProperty(name, value);
    else made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

/* A number that JSON lacks comes as a text: "-inf", "nan". */
const number = (value) => (typeof value === "number" ? value : Number.NaN);

function percent(share) {
  const value = number(share) * 100;
  if (!Number.isFinite(value)) return "–";
  if (value !== 0 && value < 0.01) return "< 0.01 %";
  return value.toFixed(value >= 99.995 ? 0 : 2) + " %";
}

const nats = (value) => (Number.isFinite(number(value)) ? value.toFixed(3) + " nats" : "–");

/* Control characters, and those that change the direction of text, as something to be seen. */
function visible(text) {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g, (letter) => {
    if (letter === "\n") return "\\n";
    if (letter === "\t") return "\\t";
    return "\\u{" + letter.codePointAt(0).toString(16) + "}";
  });
}

const visibleLines = (text) => text.split("\n").map(visible).join("\n");

const tokenText = (text) => element("span", { class: "token" }, "“" + visible(text) + "”");

/* The heat of a step, from 0 to 1. Probabilities count by their order of magnitude. */
const entropyTop = Math.max(1, ...steps.map((step) => (step.raw ? number(step.raw.entropy) || 0 : 0)));
const surprise = (share) => Math.min(1, Math.max(0, -Math.log(Math.max(number(share), 1e-9)) / Math.log(100)));
const measures = {
  raw: {
    heat: (step) => (step.raw ? surprise(step.raw.probability) : 0),
    low: "100 %", high: "1 % or less",
    help: "How likely the model itself held each token, before any stage.",
  },
  final: {
    heat: (step) => (step.forced ? 0 : surprise(step.probability)),
    low: "100 %", high: "1 % or less",
    help: "The probability each token was drawn with, after all stages; greedy choices have 100 %.",
  },
  entropy: {
    heat: (step) => (step.raw ? Math.min(1, (number(step.raw.entropy) || 0) / entropyTop) : 0),
    low: "0 nats", high: entropyTop.toFixed(1) + " nats",
    help: "How undecided the model was: the entropy of its own distribution at each step.",
  },
};

let selected = -1;
const options = steps.map(option);

function option(step, index) {
  const shown = step.shown;
  const made = element("span", {
    role: "option", id: "token-" + index, class: step.part === "thinking" || step.part === "marker" ? "thought" : "", tabindex: "-1", "aria-selected": "false",
    "aria-label": label(step, index),
  });
  if (shown === "") made.append(element("span", { class: "special" }, visible(step.token) || "∅"));
  else if (shown.includes("\n")) {
    const parts = shown.split("\n");
    parts.forEach((part, at) => {
      made.append(visible(part));
      if (at + 1 < parts.length) made.append(element("span", { class: "special" }, "⏎"), "\n");
    });
  } else made.append(visible(shown));
  made.addEventListener("click", () => select(index, true));
  return made;
}

function label(step, index) {
  const share = step.raw ? ", probability " + percent(step.raw.probability) : "";
  return "step " + (index + 1) + ": " + visible(step.token) + share;
}

function paint(name) {
  const measure = measures[name];
  steps.forEach((step, index) => options[index].style.setProperty("--heat", measure.heat(step).toFixed(3)));
  byId("scale-low").textContent = measure.low;
  byId("scale-high").textContent = measure.high;
  byId("measure-help").textContent = measure.help;
}

function select(index, focus) {
  if (index < 0 || index >= steps.length) return;
  if (selected >= 0) {
    options[selected].setAttribute("aria-selected", "false");
    options[selected].setAttribute("tabindex", "-1");
  }
  selected = index;
  options[index].setAttribute("aria-selected", "true");
  options[index].setAttribute("tabindex", "0");
  if (focus) options[index].focus({ preventScroll: true });
  keepInView(options[index]);
  show(steps[index], index);
}

/* Scrolls the text and never the page. */
function keepInView(token) {
  const box = byId("text");
  const place = token.getBoundingClientRect();
  const frame = box.getBoundingClientRect();
  if (place.top < frame.top) box.scrollTop -= frame.top - place.top + 8;
  else if (place.bottom > frame.bottom) box.scrollTop += place.bottom - frame.bottom + 8;
}

function show(step, index) {
  byId("place").textContent = "step " + (index + 1) + " of " + steps.length;
  byId("back").disabled = index === 0;
  byId("on").disabled = index + 1 === steps.length;
  byId("step-title").replaceChildren(tokenText(step.token), element("span", { class: "quiet number" }, "  id " + step.id));
  byId("how").textContent = how(step);
  byId("facts").replaceChildren(...facts(step));
  const parts = [];
  if (step.raw) {
    parts.push(...drawFigure(step), ...candidateTable(step), ...stageList(step));
  } else parts.push(element("p", { class: "quiet" }, "No trace was taken at this step."));
  byId("details").replaceChildren(...parts);
}

const reasons = {
  thinking_soft: "the thought ends at a natural place near its budget",
  thinking_end: "the thought ends",
  thinking_hard: "the thought ends at its budget",
  grammar: "the only token that the grammar allows",
};

function how(step) {
  let text;
  if (step.forced) text = "Forced (" + (reasons[step.forced] || step.forced) + "): it stands in place of the model's choice.";
  else if (!step.draw) text = "Greedy: the best candidate was taken.";
  else if (step.nucleus_size === 1) text = "The stages left one candidate only.";
  else text = "Drawn among " + step.nucleus_size + " candidates.";
  if (step.draft) {
    const guess = "“" + visible(step.draft.token) + "”";
    text += step.draft.accepted ? " The draft had guessed it." : " The draft had guessed " + guess + ", in vain.";
  }
  return text;
}

function facts(step) {
  const raw = step.raw;
  const list = [];
  if (raw) {
    list.push(["raw probability", percent(raw.probability)]);
    list.push(["rank", raw.rank + " of " + raw.possible]);
  }
  if (!step.forced) {
    list.push(["after stages", percent(step.probability)]);
    list.push(["candidates left", String(step.nucleus_size)]);
  }
  if (raw) list.push(["entropy", nats(raw.entropy)]);
  return list.map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, value)));
}

/* The draw: the line from 0 to 1, cut among the candidates in order of their ids. */
function drawFigure(step) {
  const draw = step.draw;
  if (!draw) return [];
  const line = element("div", { class: "draw", "aria-hidden": "true" });
  if (step.final.length === step.nucleus_size) {
    let from = 0;
    for (const entry of [...step.final].sort((a, b) => a.id - b.id)) {
      const kind = entry.id === step.id ? "chosen" : "";
      line.append(element("i", { class: kind, "--from": from, "--part": entry.probability, title: visible(entry.token) }));
      from += number(entry.probability);
    }
  } else line.append(element("i", { class: "chosen", "--from": draw.low, "--part": draw.high - draw.low }));
  line.append(element("b", { "--from": draw.u }));
  const whose = step.forced ? "the interval of another token, which was passed over." : "the interval of this token.";
  const words = "u = " + draw.u.toFixed(6) + " fell into [" + draw.low.toFixed(6) + ", " + draw.high.toFixed(6) + "), " + whose;
  return [
    element("h3", {}, "The draw"), line,
    element("div", { class: "ends quiet number", "aria-hidden": "true" }, element("span", {}, "0"), element("span", {}, "1")),
    element("p", { class: "quiet" }, words),
  ];
}

function candidateTable(step) {
  const final = new Map(step.final.map((entry) => [entry.id, entry]));
  const removedBy = new Map();
  for (const stage of step.stages) {
    for (const entry of stage.removed) if (!removedBy.has(entry.id)) removedBy.set(entry.id, stage.name);
  }
  const known = new Set();
  const rows = [];
  const own = { id: step.id, token: step.token, probability: step.raw.probability };
  for (const entry of [...step.raw.top, own, ...step.final.map((entry) => ({ ...entry, probability: null }))]) {
    if (known.has(entry.id)) continue;
    known.add(entry.id);
    const isTiny = rows.length >= 5 && !final.has(entry.id) && entry.id !== step.id && number(entry.probability) < 0.0001;
    if (!isTiny) rows.push(candidateRow(step, entry, final.get(entry.id), removedBy.get(entry.id)));
  }
  const heads = ["Token", "Model", "After stages"].map((name) => element("th", { scope: "col" }, name));
  const table = element("table", { "aria-label": "Best candidates" },
    element("thead", {}, element("tr", {}, ...heads)), element("tbody", {}, ...rows));
  const more = step.raw.possible - rows.length;
  const rest = more > 0 ? [element("p", { class: "quiet" }, "and " + more + " other tokens")] : [];
  return [element("h3", {}, "Candidates"), table, ...rest];
}

function candidateRow(step, entry, left, stage) {
  const isChosen = entry.id === step.id;
  let fate = "";
  if (isChosen) fate = step.forced ? "forced" : "chosen";
  else if (stage) fate = "removed by " + stage;
  else if (!left && step.final.length === step.nucleus_size) fate = step.draw ? "removed" : "not the best";
  const isGone = !isChosen && fate !== "" ;
  const cell = (share) => element("td", {},
    element("span", { class: "number" }, share === null ? "–" : percent(share)),
    element("span", { class: share ? "meter" : "meter none", "aria-hidden": "true" }, element("i", { "--part": number(share) || 0 })));
  const after = left ? left.probability : null;
  return element("tr", { class: isChosen ? "chosen" : isGone ? "gone" : "" },
    element("th", { scope: "row" }, tokenText(entry.token), ...(fate ? [element("small", {}, fate)] : [])),
    cell(entry.probability), cell(after));
}

function stageList(step) {
  if (step.stages.length === 0) return [];
  let before = step.raw.entropy;
  const items = step.stages.map((stage) => {
    const item = stageItem(stage, before);
    before = stage.entropy;
    return item;
  });
  return [element("h3", {}, "Stages, in order"), element("ol", { class: "stages" }, ...items)];
}

function stageItem(stage, entropyBefore) {
  const cut = stage.before - stage.kept;
  const kept = cut === 0 ? "kept all " + stage.kept : "kept " + stage.kept + " of " + stage.before;
  const facts = ["entropy " + number(entropyBefore).toFixed(3) + " → " + nats(stage.entropy)];
  if (stage.threshold !== null) facts.unshift("bar " + Number(number(stage.threshold).toPrecision(6)));
  const parts = [
    element("div", { class: "stage-head" }, element("b", {}, stage.name), element("span", { class: "number" }, kept)),
    element("div", { class: "quiet number" }, facts.join(" · ")),
  ];
  if (cut > 0) {
    parts.push(element("span", { class: "meter", "aria-hidden": "true" }, element("i", { "--part": number(stage.mass) || 0 })));
    parts.push(element("div", { class: "quiet number" }, percent(stage.mass) + " of the mass kept"));
    const named = stage.removed.slice(0, 8);
    const chips = named.map((entry) => element("span", { class: "chip" }, tokenText(entry.token), " ", percent(entry.probability)));
    const more = cut - named.length;
    if (more > 0) chips.push(element("span", { class: "quiet" }, "and " + more + " more"));
    parts.push(element("div", { class: "removed" }, element("span", { class: "quiet" }, "removed "), ...chips));
  }
  return element("li", {}, ...parts);
}

byId("text").append(...options);
byId("about").textContent = trace.about;
byId("prompt").textContent = visibleLines(trace.prompt);
byId("measure").addEventListener("change", (event) => paint(event.target.value));
byId("back").addEventListener("click", () => select(selected - 1, false));
byId("on").addEventListener("click", () => select(selected + 1, false));
byId("text").addEventListener("keydown", (event) => {
  const moves = {
    ArrowRight: selected + 1, ArrowDown: selected + 1, ArrowLeft: selected - 1, ArrowUp: selected - 1,
    Home: 0, End: steps.length - 1,
  };
  if (!(event.key in moves)) return;
  event.preventDefault();
  select(moves[event.key], true);
});
/* A link can name what it points at: #step=9&measure=entropy */
const asked = new URLSearchParams(location.hash.slice(1));
const measure = asked.get("measure") in measures ? asked.get("measure") : "raw";
document.querySelector(`input[value="${measure}"]`).checked = true;
paint(measure);
const first = Math.trunc(Number(asked.get("step"))) - 1;
if (steps.length > 0) select(first in steps ? first : 0, false);
else byId("how").textContent = "No token was generated.";
