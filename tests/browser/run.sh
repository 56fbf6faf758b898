#!/usr/bin/env bash
# The playground's tests: types, pure modules, and a real browser against the built server.
# JETON names the binary (default: target/release/jeton), CHROMIUM the browser; arguments go to node's
# test runner. `run.sh pictures` makes the pictures of the documentation instead.
set -euo pipefail
cd "$(dirname "$0")"

command -v node >/dev/null || { echo "node is missing: install Node.js 20 or later" >&2; exit 1; }
if [ -z "${CHROMIUM:-}" ] && ! command -v chromium chromium-browser google-chrome >/dev/null; then
  if ! command -v apt-get >/dev/null; then
    echo "chromium is missing: install it or name it in CHROMIUM" >&2
    exit 1
  fi
  apt-get install --yes --no-install-recommends chromium fonts-liberation >/dev/null
fi
npm ci --silent

if [ "${1:-}" = pictures ]; then
  node pictures.js
  pngquant --force --ext .png ../../docs/pictures/*.png
  exit
fi
npx --no-install tsc --project .
node --test unit/*.test.js
node --test --test-concurrency=1 --test-timeout=300000 "$@" pages/*.test.js
