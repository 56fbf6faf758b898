#!/usr/bin/env python3
"""Jeton and llama.cpp on the same files, in turn, and the ratio of each pair.

    python3 bench/side_by_side.py MODEL.gguf [MODEL.gguf ...] [--rounds 5] [--threads 2]

Builds nothing: needs `target/release/jeton` and the `llama-cpp-python` package in the Python that
runs it. Prints a Markdown table of medians with the lowest and highest ratio. Keep the machine idle:
two busy neighbours cost both engines most of their speed.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
JETON = HERE.parent / "target" / "release" / "jeton"


def run(command):
    """The JSON object that a command prints as its last line."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))}\n{done.stderr}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def pair(model, args):
    """One run of each engine, one after the other."""
    sizes = ["--prefill", str(args.prefill), "--decode", str(args.decode), "--runs", "1"]
    threads = ["--threads", str(args.threads)]
    ours = run([JETON, "bench", "--model", model, "--json", *threads, *sizes])
    peer = run([sys.executable, HERE / "llama_cpp_peer.py", model, *threads, *sizes])
    return ours, peer


def summary(pairs, key):
    """Median of ours, of the peer, and of the ratios with their range."""
    ours = statistics.median(pair[0][key] for pair in pairs)
    peer = statistics.median(pair[1][key] for pair in pairs)
    ratios = sorted(pair[0][key] / pair[1][key] for pair in pairs)
    ratio = statistics.median(ratios)
    return f"{ours:.1f} | {peer:.1f} | **{ratio:.2f}** ({ratios[0]:.2f}–{ratios[-1]:.2f})"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="+")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--prefill", type=int, default=512)
    parser.add_argument("--decode", type=int, default=128)
    args = parser.parse_args()

    print(
        "| model | prefill, tok/s: Jeton | llama.cpp | ratio (range) "
        "| decode, tok/s: Jeton | llama.cpp | ratio (range) | read bandwidth GB/s | share |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for model in args.models:
        pairs = [pair(model, args) for _ in range(args.rounds)]
        bandwidth = statistics.median(ours["read_bandwidth_gb_per_second"] for ours, _ in pairs)
        share = statistics.median(ours["decode_share_of_bandwidth"] for ours, _ in pairs)
        print(
            f"| {pathlib.Path(model).stem} | {summary(pairs, 'prefill_tokens_per_second')} "
            f"| {summary(pairs, 'decode_tokens_per_second')} | {bandwidth:.1f} | {share:.0%} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
