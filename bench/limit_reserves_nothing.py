#!/usr/bin/env python3
"""Whether a large limit costs anything: the same answers under a small limit and a large one.

    cargo build --release
    cargo build --release --manifest-path bench/serving/Cargo.toml --target-dir target
    python3 bench/limit_reserves_nothing.py --model MODEL.gguf

First each of 64 prompts is answered in 128 tokens, and a piece of each text near its 100th token
becomes its stop string, so that it ends there under any larger limit. Then all 64 are asked at once,
in turn with a limit of 128 and with one of 16,000, and the times of each pair are divided. What a
model says does not matter, so random weights do. Keep the machine idle.
"""

import argparse
import concurrent.futures
import http.client
import json
import pathlib
import random
import statistics
import sys
import tempfile
import urllib.parse

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests"))

from served import Served, load  # noqa: E402

IDS = range(300, 1500)


def streamed(server, body):
    """The texts of a stream, one after the other."""
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(server.url).netloc, timeout=600)
    headers = {"content-type": "application/json"}
    connection.request("POST", "/v1/completions", json.dumps({**body, "stream": True}), headers)
    response = connection.getresponse()
    if response.status != 200:
        raise SystemExit(f"{response.status}: {response.read()[:500]!r}")
    texts = []
    for line in response:
        if line.startswith(b"data: {"):
            for choice in json.loads(line[6:])["choices"]:
                texts.append(choice["text"])
    connection.close()
    return [text for text in texts if text]


def stop_near(texts, token):
    """A piece of text that ends near a token and has not been there before; none if there is none."""
    for end in range(min(token, len(texts)), 1, -1):
        before = "".join(texts[:end])
        for size in range(3, 40):
            piece = before[-size:]
            if len(piece) == size and before.index(piece) == len(before) - size:
                if piece.strip() and "\ufffd" not in piece:
                    return piece
    return None


def requests(server, args):
    """Bodies whose answers end near the wanted token, under any limit above it."""
    draws = random.Random(args.seed)
    bodies = []
    for number in range(args.requests):
        prompt = [draws.choice(IDS) for _ in range(args.prompt)]
        bodies.append({"prompt": prompt, "seed": number, "temperature": 1, "ignore_eos": True})
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        asked = [{**body, "max_tokens": args.small} for body in bodies]
        answered = list(pool.map(lambda body: streamed(server, body), asked))
    found = []
    for body, texts in zip(bodies, answered):
        stop = stop_near(texts, args.end)
        if stop:
            found.append({**body, "stop": [stop]})
    if len(found) < args.requests:
        print(f"{len(found)} of {args.requests} prompts have a stop", file=sys.stderr)
    return found


def measure(server, bodies, limit, folder):
    """All at once under one limit."""
    path = pathlib.Path(folder) / f"bodies-{limit}.jsonl"
    lines = [json.dumps({**body, "max_tokens": limit}) for body in bodies]
    path.write_text("\n".join(lines) + "\n")
    return load(
        server.url,
        *["--streams", len(bodies), "--requests", len(bodies), "--may-end"],
        *["--output-tokens", limit, "--bodies", path],
    )


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=lambda path: pathlib.Path(path).resolve())
    parser.add_argument("--requests", type=int, default=64)
    parser.add_argument("--prompt", type=int, default=32)
    parser.add_argument("--small", type=int, default=128)
    parser.add_argument("--large", type=int, default=16_000)
    parser.add_argument("--end", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jeton-flags", default="", help="more flags for `jeton serve`")
    parser.add_argument("--json", type=pathlib.Path, help="writes every measurement here")
    args = parser.parse_args()
    flags = ["--model", args.model] if args.model else []
    flags += args.jeton_flags.split()
    pairs = []
    with Served.jeton(*flags) as server, tempfile.TemporaryDirectory() as folder:
        bodies = requests(server, args)
        # One unmeasured pass fills the prefix cache, so that every measured one finds it filled.
        measure(server, bodies, args.small, folder)
        for index in range(args.rounds):
            order = [args.small, args.large] if index % 2 == 0 else [args.large, args.small]
            done = {limit: measure(server, bodies, limit, folder) for limit in order}
            small, large = done[args.small], done[args.large]
            if small["output_tokens"] != large["output_tokens"]:
                raise SystemExit("the two limits gave different numbers of tokens")
            pairs.append((small, large))
            print(f"round {index + 1}: {small['seconds']:.3f} s, {large['seconds']:.3f} s, "
                  f"{small['output_tokens']} tokens", file=sys.stderr, flush=True)
    print("| limit | tokens in all | seconds | latency ms, p50 / p99 | time, large over small (range) |")
    ratios = sorted(large["seconds"] / small["seconds"] for small, large in pairs)
    told = f"**{statistics.median(ratios):.3f}** ({ratios[0]:.3f}–{ratios[-1]:.3f})"
    print("| --- | --- | --- | --- | --- |")
    for which, limit in enumerate([args.small, args.large]):
        runs = [pair[which] for pair in pairs]

        def middle(of):
            return statistics.median(of(run) for run in runs)

        print(
            f"| {limit} | {runs[0]['output_tokens']} | {middle(lambda run: run['seconds']):.2f} "
            f"| {middle(lambda run: run['total_ms']['p50']):.0f} / "
            f"{middle(lambda run: run['total_ms']['p99']):.0f} | {told if which else ''} |"
        )
    if args.json:
        args.json.write_text(json.dumps(pairs, indent=1))


if __name__ == "__main__":
    main()
