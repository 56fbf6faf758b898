// Pages by hash: #/chat, #/compare/limits, #/trace?step=3. A page is made when it is first seen.

/**
 * @typedef {object} Page
 * @property {(rest: string, query: URLSearchParams) => void} [show]
 */

/**
 * @param {string} hash
 * @returns {{page: string, rest: string, query: URLSearchParams}}
 */
export function parseHash(hash) {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  const [page, ...rest] = path.split("/");
  return { page: page || "chat", rest: rest.join("/"), query: new URLSearchParams(query) };
}

/**
 * Shows the page that the address names, now and whenever it changes.
 * @param {Record<string, {title: string, make: (root: HTMLElement) => Page}>} pages
 * @param {HTMLElement} main
 */
export function route(pages, main) {
  /** @type {Map<string, {root: HTMLElement, page: Page}>} */
  const made = new Map();
  let isFirst = true;
  const follow = () => {
    if (location.hash !== "" && !location.hash.startsWith("#/")) return;
    const asked = parseHash(location.hash);
    const name = asked.page in pages ? asked.page : "chat";
    let entry = made.get(name);
    if (!entry) {
      const root = document.createElement("section");
      root.className = `page page-${name}`;
      root.setAttribute("aria-label", pages[name].title);
      main.append(root);
      entry = { root, page: pages[name].make(root) };
      made.set(name, entry);
    }
    for (const [other, { root }] of made) root.hidden = other !== name;
    for (const link of document.querySelectorAll("nav a")) {
      const isHere = link.getAttribute("href") === `#/${name}`;
      if (isHere) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    document.title = `${pages[name].title} · Jeton`;
    entry.page.show?.(asked.rest, asked.query);
    if (!isFirst) main.focus({ preventScroll: true });
    isFirst = false;
  };
  addEventListener("hashchange", follow);
  follow();
}
