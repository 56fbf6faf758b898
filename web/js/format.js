// Numbers as people read them. Pure.

/**
 * A number with its thousands parted: 5,000.
 * @param {number | null | undefined} value
 */
export function count(value) {
  if (typeof value !== "number" || !Number.isFinite(value)) return "–";
  return Math.round(value).toLocaleString("en-US");
}

/**
 * @param {number} value
 * @param {string} one
 * @param {string} [many]
 */
export function plural(value, one, many = `${one}s`) {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/**
 * A number that JSON lacks comes as a text ("-inf", "nan"), which no figure can show.
 * @param {unknown} value
 */
export function finite(value) {
  return typeof value === "number" && Number.isFinite(value) ? value : Number.NaN;
}

/**
 * A share of 1 as per cent.
 * @param {unknown} share
 */
export function percent(share) {
  const value = finite(share) * 100;
  if (Number.isNaN(value)) return "–";
  if (value !== 0 && value < 0.01) return "< 0.01 %";
  return `${value.toFixed(value >= 99.995 || value === 0 ? 0 : value < 10 ? 2 : 1)} %`;
}

/**
 * @param {unknown} value entropy in nats
 */
export function nats(value) {
  const number = finite(value);
  return Number.isNaN(number) ? "–" : `${number.toFixed(3)} nats`;
}

/**
 * @param {number | null | undefined} ms
 */
export function duration(ms) {
  if (typeof ms !== "number" || !Number.isFinite(ms)) return "–";
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;
  return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`;
}

/**
 * @param {number | null | undefined} value tokens per second
 */
export function rate(value) {
  if (typeof value !== "number" || !Number.isFinite(value) || value <= 0) return "– tok/s";
  return `${value < 10 ? value.toFixed(1) : count(value)} tok/s`;
}

/**
 * Money with as many digits as a small amount needs: three that count, at least two after the point.
 * @param {number | null | undefined} amount
 * @param {string} [currency]
 */
export function money(amount, currency = "") {
  if (typeof amount !== "number" || !Number.isFinite(amount)) return "–";
  let digits = 2;
  if (amount !== 0 && Math.abs(amount) < 1) {
    digits = Math.min(9, Math.max(2, 2 - Math.floor(Math.log10(Math.abs(amount)))));
  }
  const number = amount === 0 ? "0" : amount.toFixed(digits);
  const signs = /** @type {Record<string, string>} */ ({ EUR: "€", USD: "$", GBP: "£" });
  const sign = signs[currency];
  if (sign) return `${sign}${number}`;
  return currency === "" ? number : `${number} ${currency}`;
}

/**
 * A setting as a short text.
 * @param {unknown} value
 */
export function setting(value) {
  if (value === null || value === undefined) return "none";
  if (typeof value === "number")
    return Number.isInteger(value) ? count(value) : String(Number(value.toPrecision(6)));
  if (typeof value === "boolean") return value ? "on" : "off";
  if (typeof value === "string") return value;
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}
