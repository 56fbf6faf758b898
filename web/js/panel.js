// A panel beside the page where there is room, and a sheet over it where there is none.

import { element, iconButton } from "./dom.js";

/**
 * @param {object} options
 * @param {string} options.name
 * @param {HTMLElement} options.content
 * @param {HTMLElement} options.place  where it stands when there is room
 * @param {string} options.roomy  media query that says so
 * @param {string} [options.side]
 * @returns {{open: () => void, close: () => void}}
 */
export function sidePanel({ name, content, place, roomy, side = "end" }) {
  const inner = element("div", { class: "sheet-body" });
  const close = () => dialog.close();
  const dialog = element(
    "dialog",
    {
      class: `sheet sheet-${side}`,
      "aria-label": name,
      onclick: (event) => {
        if (event.target === dialog) close();
      },
    },
    element(
      "div",
      { class: "sheet-head" },
      element("h2", {}, name),
      iconButton("close", "Close", close),
    ),
    inner,
  );
  document.body.append(dialog);
  const media = matchMedia(roomy);
  const settle = () => {
    if (media.matches) {
      if (dialog.open) close();
      place.append(content);
    } else inner.append(content);
    place.hidden = !media.matches;
  };
  media.addEventListener("change", settle);
  settle();
  return {
    open: () => {
      if (!media.matches && !dialog.open) dialog.showModal();
    },
    close: () => {
      if (dialog.open) close();
    },
  };
}
