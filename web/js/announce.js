// Words for people who hear the page. Tokens are never announced one by one: only beginnings and ends.

let pending = 0;

/**
 * Says something once; what was to be said just before is replaced.
 * @param {string} words
 */
export function announce(words) {
  const place = document.getElementById("announcer");
  if (!place) return;
  clearTimeout(pending);
  place.textContent = "";
  pending = setTimeout(() => {
    place.textContent = words;
  }, 60);
}
