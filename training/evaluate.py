"""Ask the model what it has not seen, and count.

Sums use operand pairs that the corpus never contains. One generation with the
largest limit answers all smaller limits as well, since a reply under a limit is
simply the beginning of the longer one.
"""

import argparse
import collections
import json
import random
import re
import sys
import time
from pathlib import Path

import torch
from tokenizers import Tokenizer

import export
from corpus import games, lists_and_json, money_games, stories, subjects, sums, word_problems
from corpus.chat import END, TEXT_END, THINK_CLOSE, Conversation, Turn, prompt_text
from corpus.text import vary
from data import Packer
from generate import run
from model import Model
from train import validate

LIMITS = (50, 100, 150, 200, 300)


class Subject:
    """The model under test, with its tokenizer."""

    def __init__(self, gguf_path, tokenizer_folder):
        self.path, self.folder = gguf_path, Path(tokenizer_folder)
        config, weights = export.read_gguf(gguf_path)
        self.model = Model(config).eval()
        self.model.load_state_dict(weights)
        self.tokenizer = Tokenizer.from_file(str(self.folder / "tokenizer.json"))
        self.stop, self.pad = (self.tokenizer.token_to_id(t) for t in (END, TEXT_END))

    def ask(self, conversations, limit, **sampling):
        """Token ids of each reply."""
        texts = [prompt_text(c) for c in conversations]
        return run(self.model, self.tokenizer, texts, limit, self.stop, self.pad, **sampling)

    def text(self, ids):
        return self.tokenizer.decode([i for i in ids if i != self.stop], skip_special_tokens=False)


def answer_of(text, thinking):
    """What follows the thought; None if the thought never ended."""
    if not thinking:
        return text
    return text.split(THINK_CLOSE)[-1].strip() if THINK_CLOSE in text else None


def last_number(text):
    found = re.findall(r"-?\d+", text or "")
    return int(found[-1]) if found else None


def chat(turn, thinking, system=None):
    return Conversation([turn], "evaluation", system, thinking)


def held_out_sums(rng, count, op, digits):
    """Problems whose operand pairs are kept out of the corpus."""
    out = []
    while len(out) < count:
        a, _, b = sums.problem(rng, held_out=True, op=op, digits=digits)
        if a < b and op == "-":
            a, b = b, a
        ask = vary(rng, rng.choice(sums.ASK[op]), {"a": a, "b": b})
        out.append((Turn(ask, "", ""), sums.work(a, op, b)[1]))
    return out


def sums_score(subject, count):
    """Exact answers: with thinking for each limit, and without."""
    rows = {}
    for label, op, digits in (("3-digit sums", "+", 3), ("3-digit differences", "-", 3),
                              ("2-digit sums", "+", 2), ("4-digit sums", "+", 4)):
        problems = held_out_sums(random.Random(label), count, op, digits)
        replies = subject.ask([chat(t, True) for t, _ in problems], max(LIMITS))
        row = {}
        for limit in LIMITS:
            answers = [answer_of(subject.text(ids[:limit]), True) for ids in replies]
            row[f"thinking, {limit} tokens"] = share(last_number(a) == r for a, (_, r) in zip(answers, problems))
        sizes = sorted(map(len, replies))
        row["tokens, median and p95"] = [sizes[len(sizes) // 2], sizes[int(len(sizes) * 0.95)]]
        replies = subject.ask([chat(t, False) for t, _ in problems], 30)
        row["no thinking"] = share(last_number(subject.text(ids)) == r for ids, (_, r) in zip(replies, problems))
        rows[label] = row
    return rows


def word_problem_score(subject, count):
    """Little situations with held-out numbers, with and without thinking."""
    rng, problems = random.Random("word problems"), []
    while len(problems) < count:
        op, story, question, _, _ = rng.choice(word_problems.SITUATIONS[:6])
        a, b = word_problems.numbers(rng, op, held_out=True)
        n, m = rng.sample(word_problems.NAMES, 2)
        slots = {"N": n, "M": m, "a": a, "b": b, "t": rng.choice(word_problems.THINGS)}
        problems.append((Turn(vary(rng, f"{story} {question}", slots), "", ""), sums.work(a, op, b)[1]))
    row = {}
    for thinking in (True, False):
        replies = subject.ask([chat(t, thinking) for t, _ in problems], 250)
        row["thinking" if thinking else "no thinking"] = share(
            last_number(answer_of(subject.text(ids), thinking)) == r for ids, (_, r) in zip(replies, problems))
    return row


def share(flags):
    flags = list(flags)
    return round(sum(map(bool, flags)) / max(1, len(flags)), 4)


def form_score(subject, count):
    """JSON that parses and has the asked keys; lists with the asked number of items."""
    rng, out = random.Random("form"), {}
    for thinking in (True, False):
        mode = "thinking" if thinking else "no thinking"
        turns = [rng.choice((lists_and_json.invented_json, lists_and_json.extracted_json))(rng) for _ in range(count)]
        texts = [answer_of(subject.text(i), thinking) for i in subject.ask([chat(t, thinking) for t in turns], 300)]
        values = [parsed(t) for t in texts]
        wanted = [json.loads(t.answer) for t in turns]
        out[f"JSON valid, {mode}"] = share(v is not None for v in values)
        out[f"JSON with the asked keys, {mode}"] = share(
            isinstance(v, dict) and list(v) == list(w) for v, w in zip(values, wanted))
        lists = [lists_and_json.list_turn(rng, style=rng.choice(("bullets", "numbers"))) for _ in range(count)]
        texts = [answer_of(subject.text(i), thinking) for i in subject.ask([chat(t, thinking) for t in lists], 300)]
        counts = [len([line for line in (t or "").split("\n") if line.strip()]) for t in texts]
        out[f"list has the asked count, {mode}"] = share(
            n == len(t.answer.split("\n")) for n, t in zip(counts, lists))
        out[f"list without repeats, {mode}"] = share(
            t and len(set(re.sub(r"^\d+\. ", "", x) for x in t.split("\n"))) == len(t.split("\n")) for t in texts)
    return out


def parsed(text):
    try:
        return json.loads(text)
    except (TypeError, ValueError):
        return None


def story_score(subject, count):
    """Does a drawn story end, name its subject, and have the asked sentences?"""
    rng, out = random.Random("stories"), {}
    for thinking in (True, False):
        mode = "thinking" if thinking else "no thinking"
        for label in ("known", "invented"):
            chosen = [(rng.choice(("hero", "thing")), "", subjects.invented_word(rng)) if label == "invented"
                      else stories.subject(rng) for _ in range(count)]
            turns = [Turn(f"Tell me a story about {c[2] if c[0] == 'idea' else stories.article((c[1] + ' ' + c[2]).strip())}.",
                          "", "") for c in chosen]
            replies = subject.ask([chat(t, thinking) for t in turns], 500, temperature=0.7)
            texts = [answer_of(subject.text(i), thinking) or "" for i in replies]
            out[f"story ends by itself, {label} subject, {mode}"] = share(i[-1] == subject.stop for i in replies)
            out[f"story names its subject, {label}, {mode}"] = share(
                c[2].lower() in t.lower() for t, c in zip(texts, chosen))
        turns = [stories.sample(rng, "count") for _ in range(count)]
        texts = [answer_of(subject.text(i), thinking) or "" for i in
                 subject.ask([chat(t, thinking) for t in turns], 300, temperature=0.7)]
        out[f"asked number of sentences, {mode}"] = share(sentences(t) == sentences(w.answer) for t, w in zip(texts, turns))
    return out


def sentences(text):
    return len(re.findall(r"[.!?][\"']?(?=\s|$)", text))


def game_prompts(mood, count):
    """(label, conversation, the policy's value, coins to share or None) for one mood."""
    rng, out = random.Random(f"games {mood}"), []
    for label, history in (("no history", []), ("after kindness", [True] * 3), ("after betrayal", [False] * 3)):
        for _ in range(count):
            system, turn, _, _ = games.matrix_game(rng, mood, history, stag=False)
            out.append((label, chat(turn, True, system), round(games.chance(mood, 0, history), 3), None))
    for _ in range(count):
        system, turn, _, _ = money_games.offer(rng, mood)
        total = int(re.search(r"have (\d+) coins", turn.user).group(1))
        out.append(("ultimatum offer", chat(turn, True, system), games.POLICY[mood][3], total))
    return out


def game_score(subject, count):
    """Mean choice by mood, drawn at temperature 1, beside what the policy says.

    For the dilemma the choice counts as 1 or 0 for cooperate or defect, for the
    ultimatum as the offered share.
    """
    prompts = [(mood, *p) for mood in games.MOODS for p in game_prompts(mood, count)]
    replies = subject.ask([p[2] for p in prompts], 350, temperature=1.0, top_p=1.0)
    cells = collections.defaultdict(list)
    for (mood, label, _, policy, total), ids in zip(prompts, replies):
        text = answer_of(subject.text(ids), True)
        if total:
            amount = last_number(decision(text, "Offer") or "")
            value = None if amount is None else amount / total
        else:
            value = {"cooperate": 1, "defect": 0}.get(decision(text, "Decision"))
        cells[mood, label, policy].append(value)
    out = {}
    for (mood, label, policy), values in cells.items():
        known = [v for v in values if v is not None]
        out.setdefault(mood, {})[label] = {"model": round(sum(known) / max(1, len(known)), 3), "policy": policy,
                                           "clear": round(len(known) / len(values), 3)}
    return out


def decision(text, word):
    """What stands on the decision line."""
    found = re.search(rf"^{word}: (.+)$", text or "", re.MULTILINE)
    return found.group(1).strip() if found else None


def validation(subject, batches):
    packer = Packer(subject.folder / "tokenizer.json", "validation", subject.model.config.context, 4096)
    return round(validate(subject.model, [packer.batch() for _ in range(batches)], "cpu"), 4)


def show(result, indent=0):
    for key, value in result.items():
        if isinstance(value, dict):
            print(" " * indent + key)
            show(value, indent + 2)
        else:
            print(" " * indent + f"{key:<{56 - indent}} {value}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gguf", required=True)
    parser.add_argument("--tokenizer", required=True)
    parser.add_argument("--out", help="JSON file for the results")
    parser.add_argument("--count", type=int, default=200, help="prompts per measurement")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    subject, begin = Subject(args.gguf, args.tokenizer), time.time()
    result = {"file": Path(args.gguf).name, "parameters": subject.model.parameter_count(), "prompts": args.count}
    sections = {"arithmetic": lambda: sums_score(subject, args.count),
                "form": lambda: form_score(subject, args.count // 2),
                "stories": lambda: story_score(subject, args.count // 2),
                "word problems": lambda: word_problem_score(subject, args.count // 2),
                "validation loss": lambda: validation(subject, 4),
                "games": lambda: game_score(subject, max(12, args.count // 8))}
    for name, measure in sections.items():
        result[name] = measure()
        result["seconds"] = round(time.time() - begin)
        show({name: result[name]})
        sys.stdout.flush()
        if args.out:
            Path(args.out).write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
