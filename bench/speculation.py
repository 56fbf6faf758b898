#!/usr/bin/env python3
"""What guessing ahead saves: the same answer with and without it, in turn.

    python3 bench/speculation.py [--model M.gguf] [--draft D.gguf] [--tokens 128] [--rounds 3]

Builds nothing: needs `target/release/jeton`. For each text and sampler it runs `jeton generate`
without guesses, with look-up, and, where `--draft` names a model, with that as the draft model, and
stops when an answer differs. Prints a Markdown table: acceptance, tokens per forward pass (both are
counts, the same on every machine), and the median ratio of the time per token (without / with) with
its range. `--counts` leaves the times out. A model that is its own draft is always right, so that
what is missing to the ideal ratio is what drafting costs. Keep the machine idle for the times.
"""

import argparse
import json
import pathlib
import statistics
import subprocess

JETON = pathlib.Path(__file__).resolve().parent.parent / "target" / "release" / "jeton"

PASSAGE = (
    "The old lighthouse keeper climbed the stairs every evening. He lit the lamp, he wound the "
    "clock, and he wrote the weather into his book. "
)
CODE = """\
fn width(shape: &Shape) -> usize { shape.width }
fn height(shape: &Shape) -> usize { shape.height }
fn depth(shape: &Shape) -> usize { shape.depth }
fn weight(shape: &Shape) -> usize { shape.weight }
fn colour(shape: &Shape) -> usize { shape.colour }
fn
"""

# Texts to continue, from those that repeat themselves most to those that do not.
TEXTS = {
    "a repeated passage": PASSAGE * 3,
    "lines of code": CODE.rstrip("\n"),
    "the beginning of a story": "Once upon a time there was a fox who lived by the river. One day",
}

SAMPLERS = {
    "greedy": ["--temperature", "0"],
    "temperature 0.8, top-p 0.95": ["--temperature", "0.8", "--top-p", "0.95", "--top-k", "0"],
}


def answer(args, text, sampler, guesses):
    """One answer as JSON."""
    command = [args.jeton, "generate", text, "--raw", "--json", "--ignore-eos", "--seed", "1"]
    command += ["--max-tokens", str(args.tokens), *SAMPLERS[sampler], *guesses]
    command += ["--model", args.model] if args.model else []
    command += ["--threads", str(args.threads)] if args.threads else []
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))}\n{done.stderr}")
    return json.loads(done.stdout)


def row(args, text, sampler, source, guesses):
    """One line of the table."""
    ratios = []
    for _ in range(1 if args.counts else args.rounds):
        plain = answer(args, TEXTS[text], sampler, [])
        guessed = answer(args, TEXTS[text], sampler, guesses)
        if plain["ids"] != guessed["ids"]:
            raise SystemExit(f"{text}, {sampler}, {source}: the tokens differ")
        ratios.append(plain["times"]["tpot_ms"] / guessed["times"]["tpot_ms"])
    counts = guessed["speculation"]
    rate = counts["acceptance_rate"]
    accepted = "-" if rate is None else f"{100 * rate:.0f} %"
    per_pass = len(guessed["ids"]) / counts["forward_passes"]
    ratios.sort()
    speed = f"**{statistics.median(ratios):.2f}** ({ratios[0]:.2f}–{ratios[-1]:.2f})"
    cells = [text, sampler, source, counts["drafted_tokens"], accepted, f"{per_pass:.2f}"]
    return cells if args.counts else [*cells, speed]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model")
    parser.add_argument("--draft")
    parser.add_argument("--tokens", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--counts", action="store_true")
    parser.add_argument("--jeton", default=JETON)
    args = parser.parse_args()

    sources = {"look-up": ["--lookup"]}
    if args.draft:
        sources[f"draft {pathlib.Path(args.draft).stem}"] = ["--draft", args.draft]
    heads = ["text", "sampler", "guesses by", "drafted", "accepted", "tokens per pass"]
    heads += [] if args.counts else ["speed-up (range)"]
    print("| " + " | ".join(heads) + " |")
    print("|" + " --- |" * len(heads))
    for text in TEXTS:
        for sampler in SAMPLERS:
            for source, guesses in sources.items():
                cells = row(args, text, sampler, source, guesses)
                print("| " + " | ".join(map(str, cells)) + " |", flush=True)


if __name__ == "__main__":
    main()
