#!/usr/bin/env python3
"""`jeton serve` and other servers under the same load, in turn, and the ratio of each pair.

    cargo build --release
    cargo build --release --manifest-path bench/serving/Cargo.toml --target-dir target
    python3 bench/serving_side_by_side.py --model MODEL.gguf --llama-server PATH

Each round starts every server anew on the same file for each number of streams, in an order that
turns around from round to round; prompts are token ids, all different; answers are greedy and go
on to their limit. The read bandwidth of the machine is measured before each round, since it swings.

Other servers of OpenAI's completions API come in with `--peer NAME=COMMAND`, where `{port}` stands
for the port, `{streams}` for the number of streams and `{threads}` for the threads. vLLM's build
for CPUs on random weights of the same shape (a folder with `config.json` and a tokenizer):

    --peer "vllm=env VLLM_CPU_KVCACHE_SPACE=4 VLLM_CPU_OMP_THREADS_BIND=0-1 VENV/bin/python -m
      vllm.entrypoints.openai.api_server --model FOLDER --load-format dummy --dtype bfloat16
      --max-model-len 2048 --max-num-seqs 64 --no-enable-prefix-caching --port {port}"

Prints a Markdown table of medians, with the lowest and highest ratio. Keep the machine idle.
"""

import argparse
import json
import pathlib
import shlex
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests"))

from served import JETON, Served, free_port, load  # noqa: E402


def commands(args):
    """Each server's name and what starts it; ours first."""
    threads = str(args.threads)
    window = args.prompt + args.output + 64
    jeton = ["--model", args.model, "--threads", threads]
    found = {"jeton": lambda streams, port: jeton + shlex.split(args.jeton_flags)}
    if args.llama_server:
        found["llama-server"] = lambda streams, port: [
            *[args.llama_server, "--model", args.model, "--host", "127.0.0.1"],
            *["--port", port, "--threads", threads, "--threads-batch", threads],
            *["--parallel", streams, "--ctx-size", streams * window, "--no-webui"],
        ]
    for peer in args.peer:
        name, _, command = peer.partition("=")
        found[name] = lambda streams, port, command=command: shlex.split(
            command.format(port=port, streams=streams, threads=threads)
        )
    return found


def start(name, command, streams):
    if name == "jeton":
        return Served.jeton(*command(streams, 0))
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    # Some peers compile for minutes before they answer.
    return Served(command(streams, port), url=url, ready="/health", seconds=1200)


def measure(name, command, streams, seed, args):
    """One load on a fresh server."""
    with start(name, command, streams) as server:
        model = server.get("/v1/models").json()["data"][0]["id"]
        report = load(
            server.url,
            *["--model", model, "--streams", streams, "--requests", args.requests[streams]],
            *["--prompt-tokens", args.prompt, "--output-tokens", args.output],
            *["--shared-tokens", args.shared, "--seed", seed, "--warm-up", 1],
        )
    return {"server": name, "streams": streams, **report}


def bandwidth(args):
    """Gigabytes per second that all threads read."""
    command = [JETON, "bench", "--json", "--prefill", "8", "--decode", "2", "--runs", "1"]
    command += ["--threads", str(args.threads)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.strip().splitlines()[-1])["read_bandwidth_gb_per_second"]


def table(results, names, args):
    """Markdown, one row per number of streams and peer."""
    rows = [
        "| streams | server | output tok/s | TTFT ms, p50 / p99 | TPOT ms, p50 / p99 | "
        "output tok/s: jeton / it (range) |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for streams in args.streams:
        ours = [r for r in results if r["streams"] == streams and r["server"] == "jeton"]
        for name in names:
            its = [r for r in results if r["streams"] == streams and r["server"] == name]

            def middle(key, quantile=None):
                values = [r[key] if quantile is None else r[key][quantile] for r in its]
                return statistics.median(values)

            rate = "output_tokens_per_second"
            ratios = sorted(a[rate] / b[rate] for a, b in zip(ours, its))
            ratio = f"**{statistics.median(ratios):.2f}** ({ratios[0]:.2f}–{ratios[-1]:.2f})"
            rows.append(
                f"| {streams} | {name} | {middle(rate):.1f} "
                f"| {middle('ttft_ms', 'p50'):.0f} / {middle('ttft_ms', 'p99'):.0f} "
                f"| {middle('tpot_ms', 'p50'):.1f} / {middle('tpot_ms', 'p99'):.1f} "
                f"| {'' if name == 'jeton' else ratio} |"
            )
    return "\n".join(rows)


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", required=True, type=lambda path: pathlib.Path(path).resolve())
    parser.add_argument("--llama-server", metavar="PATH")
    parser.add_argument("--peer", action="append", default=[], metavar="NAME=COMMAND")
    parser.add_argument("--jeton-flags", default="", help="more flags for `jeton serve`")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--streams", default="1,8,32")
    parser.add_argument("--requests", help="for each number of streams; default 4,16,32")
    parser.add_argument("--prompt", type=int, default=128)
    parser.add_argument("--output", type=int, default=128)
    parser.add_argument("--shared", type=int, default=0, help="prompt tokens all have in common")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=pathlib.Path, help="writes every measurement here")
    args = parser.parse_args()
    args.streams = [int(part) for part in args.streams.split(",")]
    asked = [int(part) for part in args.requests.split(",")] if args.requests else []
    counts = asked or [max(4, min(2 * n, max(16, n))) for n in args.streams]
    args.requests = dict(zip(args.streams, counts))
    return args


def main():
    args = parse_arguments()
    servers = commands(args)
    results, bandwidths = [], []
    for index in range(args.rounds):
        bandwidths.append(bandwidth(args))
        for streams in args.streams:
            order = list(servers) if index % 2 == 0 else list(reversed(servers))
            for name in order:
                seed = 1000 * (index + 1) + streams
                one = measure(name, servers[name], streams, seed, args)
                results.append(one)
                rate = one["output_tokens_per_second"]
                print(f"round {index + 1}, {streams} streams, {name}: {rate:.1f} tok/s",
                      file=sys.stderr, flush=True)
    low, high = min(bandwidths), max(bandwidths)
    middle = statistics.median(bandwidths)
    print(table(results, list(servers), args))
    print(f"\nRead bandwidth before each round: {middle:.1f} GB/s ({low:.1f}–{high:.1f}).")
    if args.json:
        args.json.write_text(json.dumps({"bandwidths": bandwidths, "runs": results}, indent=1))


if __name__ == "__main__":
    main()
