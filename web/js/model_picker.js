// Which model answers.

import { element, fill } from "./dom.js";

const NAME = "jeton.model";

/** The list of models in the header; emits `change`. */
export class ModelPicker extends EventTarget {
  constructor() {
    super();
    /** @type {any[]} */
    this.models = [];
    this.select = element(
      "select",
      { "aria-label": "Model", onchange: () => this.choose(this.select.value) },
      element("option", {}, "…"),
    );
    this.element = element("div", { class: "model-picker" }, this.select);
    this.chosen = localStorage.getItem(NAME) ?? "";
  }

  /** @param {(path: string) => Promise<any>} getJson */
  async load(getJson) {
    try {
      this.models = (await getJson("/v1/models")).data ?? [];
    } catch (error) {
      fill(this.select, element("option", { value: "" }, "no model"));
      throw error;
    }
    if (!this.models.some((model) => model.id === this.chosen))
      this.chosen = this.models[0]?.id ?? "";
    fill(
      this.select,
      ...this.models.map((model) => element("option", { value: model.id }, model.id)),
    );
    this.select.value = this.chosen;
    this.dispatchEvent(new Event("change"));
  }

  /** @param {string} id */
  choose(id) {
    this.chosen = id;
    localStorage.setItem(NAME, id);
    this.dispatchEvent(new Event("change"));
  }
}
