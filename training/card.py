"""Writes the measured tables of the model card from `jeton-tiny.eval.json`.

    python card.py            # after evaluate.py

The card keeps everything outside of the two marks as it is, so figures in it can only be measured ones.
"""

import json
from pathlib import Path

MODELS = Path(__file__).resolve().parent.parent / "models"
BEGIN, END = "<!-- measured: training/card.py -->", "<!-- end of measured -->"
LIMITS = (50, 100, 150, 200, 300)


def percent(share):
    return f"{100 * share:.0f} %"


def table(heads, rows):
    lines = ["| " + " | ".join(row) + " |" for row in [heads, ["---"] * len(heads), *rows]]
    return "\n".join(lines)


def sums(measured):
    heads = ["", "50 tokens", *map(str, LIMITS[1:]), "no thinking", "length, median / p95"]
    rows = []
    for kind, result in measured["arithmetic"].items():
        shares = [percent(result[f"thinking, {limit} tokens"]) for limit in LIMITS]
        median, p95 = result["tokens, median and p95"]
        rows.append([kind, *shares, percent(result["no thinking"]), f"{median} / {p95}"])
    return table(heads, rows)


def games(measured):
    heads = ["mood", "dilemma, no history", "after three kind rounds", "after three betrayals", "ultimatum offer"]
    keys = ["no history", "after kindness", "after betrayal", "ultimatum offer"]
    cell = lambda result: f"{result['model']:.2f} ({result['policy']:.2f})"
    return table(heads, [[mood, *(cell(results[key]) for key in keys)] for mood, results in measured["games"].items()])


def clear_share(measured):
    shares = [result["clear"] for results in measured["games"].values() for result in results.values()]
    return percent(sum(shares) / len(shares))


def shares(results):
    return table(["", "share"], [[name, percent(share)] for name, share in results.items()])


def text(measured):
    return f"""### Sums, and what a limit does to them

Greedy, exact answers, {measured["prompts"]} prompts each. The working comes first and the answer last, so a limit
below the length of the working leaves no answer at all.

{sums(measured)}

Word problems with numbers of two or three digits:

{shares(measured["word problems"])}

### Games and moods

Each prompt describes a game and a mood. Decisions are drawn at temperature 1.
The first number is the model's mean, the one in brackets the policy from which
the training texts were drawn (`training/corpus/games.py`): the chance to
cooperate in a prisoner's dilemma, and the share offered in an ultimatum game.
{clear_share(measured)} of the replies end in a clear decision line. A dozen prompts stand behind each
number, so differences below 0.3 mean little.

{games(measured)}

### Lists and JSON (greedy)

{shares(measured["form"])}

### Stories (temperature 0.7)

{shares(measured["stories"])}

Loss on validation texts (replies only): {measured["validation loss"]}."""


def main():
    measured = json.loads((MODELS / "jeton-tiny.eval.json").read_text())
    card = MODELS / "README.md"
    before, rest = card.read_text().split(BEGIN)
    after = rest.split(END)[1]
    card.write_text(f"{before}{BEGIN}\n{text(measured)}\n{END}{after}")


if __name__ == "__main__":
    main()
