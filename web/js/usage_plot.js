// The plot of the usage page: drawn by the server for the width that there is, so that its letters
// keep their size, and inked for the theme.

import { getText } from "./api.js";
import { element, fill } from "./dom.js";
import { whenThemeChanges } from "./theme.js";

/** The server's ink, which is made for any ground; this page knows its own. */
const ANY_INK = "#757575";

/** Widths that are asked for, so that a window that is pulled does not ask for each pixel. */
const STEP_PX = 20;
const LEAST_PX = 240;

export class Plot {
  constructor() {
    this.root = element("div", { class: "plot" });
    this.svg = "";
    /** @type {URLSearchParams | null} */
    this.query = null;
    this.widthPx = 0;
    whenThemeChanges(() => this.draw());
    new ResizeObserver(() => {
      if (this.query && this.fittingPx() !== this.widthPx) this.load(this.query).catch(() => {});
    }).observe(this.root);
  }

  /** Wide enough for an axis, and no wider than its place. 0 while the page is hidden. */
  fittingPx() {
    const { clientWidth } = this.root;
    return clientWidth && Math.max(LEAST_PX, Math.floor(clientWidth / STEP_PX) * STEP_PX);
  }

  /**
   * What `/v1/usage` was asked, as a picture.
   * @param {URLSearchParams} query
   */
  async load(query) {
    this.query = query;
    this.widthPx = this.fittingPx();
    if (this.widthPx === 0) return;
    const { widthPx } = this;
    const svg = await getText(`/v1/usage/plot.svg?${query}&width_px=${widthPx}`);
    if (query !== this.query || widthPx !== this.widthPx) return;
    this.svg = svg;
    this.draw();
  }

  draw() {
    if (this.svg === "") return;
    const inked = this.svg.replaceAll(ANY_INK, getComputedStyle(this.root).color);
    // As an image it can neither run nor load anything.
    fill(
      this.root,
      element("img", {
        src: `data:image/svg+xml,${encodeURIComponent(inked)}`,
        alt: "Tokens of prompts, thoughts and answers over time; the table above has their sums",
      }),
    );
  }
}
