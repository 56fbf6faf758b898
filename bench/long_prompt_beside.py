#!/usr/bin/env python3
"""What a long prompt costs those who are being answered, and what their pace costs the prompt.

    cargo build --release
    python3 bench/long_prompt_beside.py --model MODEL.gguf --beside 16,32,64,128,512

Some streams write; in their middle a long prompt arrives. For each bound on the prompt's tokens per
step: the time between two tokens of the others, before it and beside it, and when its own first
token came. Keep the machine idle.
"""

import argparse
import http.client
import json
import pathlib
import random
import statistics
import sys
import threading
import time
import urllib.parse

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests"))

from served import Served  # noqa: E402

IDS = range(300, 1500)


class Stream(threading.Thread):
    """One streamed completion: when each token came."""

    def __init__(self, url, prompt, max_tokens):
        super().__init__(daemon=True)
        self.netloc = urllib.parse.urlsplit(url).netloc
        self.body = {"prompt": prompt, "max_tokens": max_tokens, "temperature": 0, "seed": 1,
                     "ignore_eos": True, "stream": True}
        self.times = []
        self.failure = None
        self.is_over = False

    @staticmethod
    def has_text(line):
        return any(choice["text"] for choice in json.loads(line[6:])["choices"])

    def run(self):
        try:
            connection = http.client.HTTPConnection(self.netloc, timeout=900)
            headers = {"content-type": "application/json"}
            connection.request("POST", "/v1/completions", json.dumps(self.body), headers)
            response = connection.getresponse()
            if response.status != 200:
                raise RuntimeError(f"{response.status}: {response.read()[:300]!r}")
            for line in response:
                # The first event tells the limits and has no text.
                if line.startswith(b"data: {") and self.has_text(line):
                    self.times.append(time.monotonic())
                if self.is_over:
                    break
            connection.close()
        except (OSError, RuntimeError, http.client.HTTPException) as error:
            self.failure = error


def wait_for(condition, streams):
    while not condition():
        failed = [stream.failure for stream in streams if stream.failure]
        if failed:
            raise SystemExit(str(failed[0]))
        time.sleep(0.002)


def gaps_ms(times, begin, end):
    inside = [moment for moment in times if begin <= moment <= end]
    return [(after - before) * 1e3 for before, after in zip(inside, inside[1:])]


def measure(server, args, draws):
    prompts = [[draws.choice(IDS) for _ in range(args.short)] for _ in range(args.streams)]
    long_prompt = [draws.choice(IDS) for _ in range(args.long)]
    streams = [Stream(server.url, prompt, args.tokens_max) for prompt in prompts]
    for stream in streams:
        stream.start()
    wait_for(lambda: all(len(stream.times) > args.warm for stream in streams), streams)
    begin = time.monotonic()
    counts = [len(stream.times) for stream in streams]
    enough = args.warm
    wait_for(
        lambda: all(len(s.times) >= c + enough for s, c in zip(streams, counts)), streams
    )
    arrival = time.monotonic()
    guest = Stream(server.url, long_prompt, 1)
    guest.start()
    wait_for(lambda: guest.times, [*streams, guest])
    first_token = guest.times[0]
    for stream in [*streams, guest]:
        stream.is_over = True
    for stream in [*streams, guest]:
        stream.join(60)
    before = [gap for stream in streams for gap in gaps_ms(stream.times, begin, arrival)]
    beside = [gap for stream in streams for gap in gaps_ms(stream.times, arrival, first_token)]
    return {
        "tpot_before_ms": statistics.fmean(before),
        "tpot_beside_ms": statistics.fmean(beside) if beside else float("nan"),
        "longest_gap_ms": max(beside, default=float("nan")),
        "ttft_s": first_token - arrival,
        "tokens_beside": sum(
            arrival <= moment <= first_token for stream in streams for moment in stream.times
        ),
    }


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=lambda path: pathlib.Path(path).resolve())
    parser.add_argument("--beside", default="16,32,64,128,512")
    parser.add_argument("--streams", type=int, default=7)
    parser.add_argument("--short", type=int, default=32, help="tokens of the streams' prompts")
    parser.add_argument("--long", type=int, default=2000, help="tokens of the long prompt")
    parser.add_argument("--tokens-max", type=int, default=1000, help="tokens of a stream, at most")
    parser.add_argument("--warm", type=int, default=16, help="tokens before and between")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jeton-flags", default="", help="more flags for `jeton serve`")
    parser.add_argument("--json", type=pathlib.Path, help="writes every measurement here")
    args = parser.parse_args()
    flags = ["--model", args.model] if args.model else []
    flags += args.jeton_flags.split()
    draws = random.Random(args.seed)
    bounds = [int(bound) for bound in args.beside.split(",")]
    found = {bound: [] for bound in bounds}
    for _ in range(args.rounds):
        for bound in bounds:
            with Served.jeton(*flags, "--prefill-beside", bound) as server:
                found[bound].append(measure(server, args, draws))
            print(bound, found[bound][-1], file=sys.stderr, flush=True)
    print("| prompt tokens per step | TPOT before, ms | beside, ms | stretch | longest gap, ms "
          "| TTFT of the prompt, s | tokens of the others meanwhile |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for bound, runs in found.items():
        middle = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
        stretch = middle["tpot_beside_ms"] / middle["tpot_before_ms"]
        print(
            f"| {bound} | {middle['tpot_before_ms']:.1f} | {middle['tpot_beside_ms']:.1f} "
            f"| {stretch:.2f} | {middle['longest_gap_ms']:.0f} | {middle['ttft_s']:.2f} "
            f"| {middle['tokens_beside']:.0f} |"
        )
    if args.json:
        args.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
