#!/usr/bin/env python3
"""A crowd of streaming clients, some of which vanish and some of which read slowly.

    python3 tests/faults/crowd.py --minutes 30            # the soak
    python3 tests/faults/crowd.py --minutes 0.5           # a look
    python3 tests/faults/crowd.py --url http://HOST:PORT --pid PID --minutes 30

What must hold, else the exit code is 1: every stream is whole, or refused with 429 or 503 and a time
to come back, or one that left by itself; afterwards nothing runs or waits and no block of keys and
values is taken that was free before; memory does not grow once the first fifth of the time is over.
"""

import argparse
import json
import pathlib
import statistics
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from served import Served, load  # noqa: E402

# What later samples may lie above earlier ones: allocators keep a little, a leak adds up.
GROWTH_SHARE = 0.05
GROWTH_BYTES = 16 << 20


class Memory(threading.Thread):
    """Samples the memory of a server until it is stopped."""

    def __init__(self, server, every_seconds):
        super().__init__(daemon=True)
        self.server, self.every = server, every_seconds
        self.samples, self.ended = [], threading.Event()

    def run(self):
        began = time.monotonic()
        while not self.ended.wait(self.every):
            self.samples.append((time.monotonic() - began, self.server.rss_bytes()))

    def stop(self):
        self.ended.set()
        self.join()
        return self.samples


def idle(server, seconds=60):
    """Waits until nothing runs; gives the blocks that are taken then."""
    deadline = time.monotonic() + seconds
    while True:
        counts = [server.metric(f"jeton_requests_{what}") for what in ("running", "waiting")]
        if counts == [0, 0]:
            return server.metric("jeton_kv_blocks_used")
        if time.monotonic() > deadline:
            raise AssertionError(f"after {seconds} s still running, waiting: {counts}")
        time.sleep(0.1)


def growth(samples):
    """How many bytes the last fifth of the samples lies above the second fifth."""
    fifth = len(samples) // 5
    if fifth < 2:
        return 0.0, 0.0
    early = statistics.median(size for _, size in samples[fifth : 2 * fifth])
    late = statistics.median(size for _, size in samples[-fifth:])
    return late - early, early


def crowd(server, args):
    """Puts the crowd on; gives what happened and what is wrong with it."""
    # Every client once first, so that what is made once (connections, keys and values, buffers) is
    # not taken for growth.
    load(
        server.url,
        *["--streams", args.streams, "--prompts", args.prompts, "--retries", 1000],
        *["--prompt-tokens", args.prompt, "--output-tokens", args.output],
    )
    before = idle(server)
    memory = Memory(server, max(0.2, args.minutes * 60 / 500))
    memory.start()
    report = load(
        server.url,
        *["--streams", args.streams, "--seconds", args.minutes * 60],
        *["--prompt-tokens", args.prompt, "--output-tokens", args.output],
        *["--vanishing", args.vanishing, "--slow", args.slow, "--retries", 1000],
        *["--slow-pause-ms", args.slow_pause_ms, "--prompts", args.prompts],
        check=False,
    )
    samples = memory.stop()
    after = idle(server)
    grown, early = growth(samples)
    problems = [f"{count} x {what}" for what, count in report["failures"].items()]
    if after != before:
        problems.append(f"blocks in use: {before} before, {after} after")
    if grown > max(GROWTH_BYTES, GROWTH_SHARE * early):
        problems.append(f"memory grew by {grown / 2**20:.1f} MiB from {early / 2**20:.1f} MiB")
    if report["whole"] == 0:
        problems.append("no stream was whole")
    told = {
        **report,
        "kv_blocks_before": before,
        "kv_blocks_after": after,
        "memory_mib": [[round(at, 1), round(size / 2**20, 1)] for at, size in samples],
        "memory_growth_mib": grown / 2**20,
        "problems": problems,
    }
    return told, problems


def parse_arguments(given=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--streams", type=int, default=1000)
    parser.add_argument("--prompt", type=int, default=48)
    parser.add_argument("--output", type=int, default=64)
    parser.add_argument("--prompts", type=int, default=200, help="different prompts")
    parser.add_argument("--vanishing", type=float, default=0.1)
    parser.add_argument("--slow", type=float, default=0.1)
    parser.add_argument("--slow-pause-ms", type=int, default=100)
    parser.add_argument("--config", help="settings for the server")
    parser.add_argument("--model", help="a model file; without it the one inside")
    parser.add_argument("--json", type=pathlib.Path, help="writes everything here")
    return parser.parse_args(given)


def main():
    args = parse_arguments()
    flags = ["--config", args.config] if args.config else []
    flags += ["--model", args.model] if args.model else []
    with Served.jeton(*flags) as server:
        told, problems = crowd(server, args)
        code = server.stop()
    if code != 0:
        problems.append(f"exit code {code}")
    if args.json:
        args.json.write_text(json.dumps(told, indent=1))
    memory = told.pop("memory_mib")
    print(json.dumps(told, indent=1))
    shown = memory[:: max(1, len(memory) // 20)]
    print("memory, MiB:", " ".join(f"{at:.0f}s:{size}" for at, size in shown))
    print("\n".join(problems) or "nothing wrong")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
