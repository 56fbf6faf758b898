// The compare page: lanes with different settings side by side, or one run under every limit.

import { element, fill } from "./dom.js";
import { lanesView } from "./compare_lanes.js";
import { limitsView } from "./compare_limits.js";
import { pageHead } from "./page_head.js";

const FIRST_PROMPT = "Tell me a story about a fox.";

/**
 * @param {HTMLElement} root
 * @param {import("./main.js").App} app
 */
export function comparePage(root, app) {
  const prompt = element("textarea", { rows: "2", id: "compare-prompt" }, FIRST_PROMPT);
  const ask = () => prompt.value.trim() || FIRST_PROMPT;
  const lanes = lanesView(app, ask);
  const limits = limitsView(app, ask);
  const links = element(
    "nav",
    { class: "segments links", "aria-label": "What to compare" },
    element("a", { href: "#/compare" }, "Settings"),
    element("a", { href: "#/compare/limits" }, "Limits"),
  );
  const words = element("span");
  const place = element("div", { class: "compare-place" });
  const controls = element("div");
  root.append(
    element(
      "div",
      { class: "page-body" },
      pageHead("Compare", [words], links),
      element(
        "div",
        { class: "card ask" },
        element("label", { for: "compare-prompt" }, "Prompt"),
        prompt,
        controls,
      ),
      place,
    ),
  );
  return {
    /** @param {string} rest */
    show(rest) {
      const isLimits = rest === "limits";
      words.textContent = isLimits
        ? "One run answers every limit: what a smaller limit gives is the beginning of what a larger one gives. Move along the tokens to see what each limit would have cut."
        : "One prompt, up to four ways to answer it. Lanes share everything but what you change, the seed too, so that what differs comes from the setting.";
      const view = isLimits ? limits : lanes;
      fill(controls, view.controls);
      fill(place, view.root);
      for (const link of links.querySelectorAll("a")) {
        if (link.getAttribute("href") === (isLimits ? "#/compare/limits" : "#/compare"))
          link.setAttribute("aria-current", "page");
        else link.removeAttribute("aria-current");
      }
      const handed = app.handed.compare;
      app.handed.compare = null;
      if (handed?.prompt) prompt.value = handed.prompt;
    },
  };
}
