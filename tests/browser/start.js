// What tests and pictures need: a built `jeton serve` of its own, and a browser without a window.

import { execFile, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { promisify } from "node:util";
import { chromium } from "playwright-core";

const ROOT = resolve(import.meta.dirname, "../..");
const TARGET = process.env.CARGO_TARGET_DIR ?? join(ROOT, "target");
const JETON = process.env.JETON ?? join(TARGET, "release", "jeton");
const START_MS = 60_000;

/**
 * Starts `jeton serve` on a free port, in a folder that goes away. With JETON_URL the server there is
 * asked instead, where the test brings nothing of its own.
 * @param {object} [options]
 * @param {string} [options.config]  the text of its jeton.yaml
 * @param {string} [options.keyName]  whose key it has; without one it needs none
 * @returns {Promise<{url: string, key: string, stop: () => Promise<void>}>}
 */
export async function startServer({ config, keyName } = {}) {
  if (process.env.JETON_URL && config === undefined && keyName === undefined) {
    return { url: process.env.JETON_URL, key: "", stop: async () => {} };
  }
  const folder = await mkdtemp(join(tmpdir(), "jeton-browser-"));
  const env = { ...process.env, HOME: folder, XDG_DATA_HOME: folder };
  const key = keyName === undefined ? "" : await makeKey(keyName, env);
  const flags = ["serve", "--port", "0"];
  if (config !== undefined) {
    await writeFile(join(folder, "jeton.yaml"), config);
    flags.push("--config", join(folder, "jeton.yaml"));
  }
  const server = spawn(JETON, flags, { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"] });
  const url = await addressOf(server);
  const stop = async () => {
    server.removeAllListeners("exit");
    const ended = new Promise((done) => server.once("exit", done));
    server.kill("SIGTERM");
    await ended;
    await rm(folder, { recursive: true, force: true });
  };
  return { url, key, stop };
}

/**
 * @param {string} name
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<string>} the key, which is shown this once
 */
async function makeKey(name, env) {
  const { stdout } = await promisify(execFile)(JETON, ["key", "create", name, "--json"], { env });
  return JSON.parse(stdout).key;
}

/**
 * Where the server listens, once it answers.
 * @param {import("node:child_process").ChildProcessByStdio<null, import("node:stream").Readable, import("node:stream").Readable>} server
 * @returns {Promise<string>}
 */
async function addressOf(server) {
  let said = "";
  const url = await new Promise((found, failed) => {
    const timer = setTimeout(() => failed(new Error(`no address was printed:\n${said}`)), START_MS);
    const read = (/** @type {Buffer} */ chunk) => {
      said += chunk;
      const address = /http:\/\/[^\s/"']+/.exec(said);
      if (!address) return;
      clearTimeout(timer);
      found(address[0]);
    };
    server.stdout.on("data", read);
    server.stderr.on("data", read);
    server.on("error", failed);
    server.on("exit", (code) => failed(new Error(`${JETON} ended with ${code}:\n${said}`)));
  });
  const isReady = () =>
    fetch(`${url}/ready`).then(
      (answer) => answer.ok,
      () => false,
    );
  const deadline = Date.now() + START_MS;
  while (!(await isReady())) {
    if (Date.now() > deadline) throw new Error(`the server was not ready:\n${said}`);
    await new Promise((done) => setTimeout(done, 50));
  }
  return url;
}

export function startBrowser() {
  return chromium.launch({
    executablePath: chromiumPath(),
    args: [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}

/** What CHROMIUM names, or the first of its usual names that is installed. */
function chromiumPath() {
  if (process.env.CHROMIUM) return process.env.CHROMIUM;
  const folders = (process.env.PATH ?? "").split(delimiter);
  const found = ["chromium", "chromium-browser", "google-chrome"]
    .flatMap((name) => folders.map((folder) => join(folder, name)))
    .find((path) => existsSync(path));
  if (!found) throw new Error("chromium is missing: install it, or name it in CHROMIUM");
  return found;
}
