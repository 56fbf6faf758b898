#!/usr/bin/env python3
"""Choosing a token from 128,256 logits: Jeton and llama.cpp in turn, on the same logits.

    python3 bench/sampling_side_by_side.py [--pairs 5]

Each pair runs `cargo bench -p sampling` and `bench/sampling_peer.py`, one after the other, with
nothing else running. Prints the median time of each case, its ratio to llama.cpp's chain and to
one pass over the logits. Needs what the peer needs.
"""

import argparse
import json
import pathlib
import re
import statistics
import subprocess
import sys

BENCH = pathlib.Path(__file__).resolve().parent
UNITS = {"ns": 1e-3, "µs": 1.0, "ms": 1e3, "s": 1e6}
CASES = ("everything", "temperature_top_p", "temperature", "greedy")


def jeton():
    """Case and row -> median microseconds, read off the table that the bench prints."""
    command = ["cargo", "bench", "-q", "-p", "sampling"]
    run = subprocess.run(command, cwd=BENCH.parent, capture_output=True, text=True, check=True)
    times, case = {}, None
    for line in run.stdout.splitlines():
        row = re.match(r"│?\s*[├╰]─ (\S+)\s+(.*)", line)
        if not row:
            continue
        columns = [column.split() for column in row[2].split("│")]
        if len(columns) > 2 and len(columns[2]) == 2:
            number, unit = columns[2]
            times[f"{case} {row[1]}"] = float(number) * UNITS[unit]
        else:
            case = row[1]
    return times


def peer():
    """The same of llama.cpp."""
    command = [sys.executable, str(BENCH / "sampling_peer.py")]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(run.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=5)
    pairs = [(jeton(), peer()) for _ in range(parser.parse_args().pairs)]
    median = lambda side, case: statistics.median(pair[side][case] for pair in pairs)
    print(f"{'case':28}{'jeton us':>10}{'llama.cpp us':>14}{'ratio':>8}{'passes':>8}")
    for case in CASES:
        for row in ("peaked", "flat"):
            name = f"{case} {row}"
            ours, theirs, one_pass = median(0, name), median(1, name), median(0, f"one_pass {row}")
            ratio, passes = theirs / ours, ours / one_pass
            print(f"{name:28}{ours:10.1f}{theirs:14.1f}{ratio:8.1f}{passes:8.1f}")


if __name__ == "__main__":
    main()
