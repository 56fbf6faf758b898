#!/usr/bin/env python3
"""Writes stage cases: what other programs' samplers really keep, and with which probabilities.

    python3 make_stage_cases.py --vocab ggml-vocab-gpt-2.gguf --seed 5 --out ../data/stage_cases.json

References:
  llama.cpp     its own samplers through llama-cpp-python (dry, xtc, temp_ext, mirostat 1 and 2,
                adaptive_p, penalties), on one array of candidates;
  transformers  its logits processors, in float64 (bad words, suppressed tokens, exponential decay,
                top-h);
  formula       the formulas of top-a, tail-free and smoothing, written here in numpy from their
                descriptions, sharing no code with the crate.

A case whose surviving set changes when a threshold moves by a hair is left out: there the rounding
of float32 decides. For DRY the vocabulary file gives the breakers their tokens; ids are renumbered,
and `ids` tells the real ones. Needs numpy, torch, transformers and llama-cpp-python.
"""

import argparse
import ctypes
import json
import math
import random

import llama_cpp as L
import numpy as np
import torch
from transformers.generation import logits_process as H

VOCAB = 28
EOS = 27
BREAKERS = ["\n", ":", "\"", "*", " the", "nd t", "e q"]
# Texts whose tokens DRY's histories are drawn from: some hold a breaker, some begin one.
DRY_TEXTS = [" a", " cat", " dog", ":", "\n", " the", " and", " th", "e", " q", " quick", " *", "\""]


# ------------------------------------------------------------------------------------ llama.cpp


def apply(sampler, ids, logits):
    """The candidates that a llama.cpp sampler leaves: {id: probability}, and which it selected."""
    data = (L.llama_token_data * len(ids))()
    for slot, (token, logit) in enumerate(zip(ids, logits)):
        data[slot] = L.llama_token_data(id=token, logit=logit, p=0.0)
    array = L.llama_token_data_array(data=data, size=len(ids), selected=-1, sorted=False)
    L.llama_sampler_apply(sampler, ctypes.byref(array))
    left = [(array.data[i].id, array.data[i].logit) for i in range(array.size)]
    chosen = left[array.selected][0] if array.selected >= 0 else None
    left = {token: logit for token, logit in left if logit > -math.inf}
    return softmax(left), chosen


def softmax(left):
    best = max(left.values())
    weights = {token: math.exp(logit - best) for token, logit in sorted(left.items())}
    total = sum(weights.values())
    return {token: weight / total for token, weight in weights.items()}


def one_step(sampler, row, history=()):
    for token in history:
        L.llama_sampler_accept(sampler, token)
    left, _ = apply(sampler, range(len(row)), row)
    L.llama_sampler_free(sampler)
    return left


def steady(make, values, row, history=()):
    """One step, if it keeps the same tokens when each value moves by a hair; else None."""
    left = one_step(make(*values), row, history)
    for index, value in enumerate(values):
        for factor in (1 - 1e-4, 1 + 1e-4):
            moved = list(values)
            moved[index] = value * factor
            if one_step(make(*moved), row, history).keys() != left.keys():
                return None
    return left


def mirostat_steps(version, tau, eta, rows):
    """Steps of one sequence: row, kept probabilities and the token that llama.cpp then drew."""
    n = len(next(iter(rows)))
    seed = 77
    sampler = (
        L.llama_sampler_init_mirostat(n, seed, tau, eta, 100)
        if version == 1
        else L.llama_sampler_init_mirostat_v2(seed, tau, eta)
    )
    mu, steps = 2.0 * tau, []
    for row in rows:
        left, chosen = apply(sampler, range(n), row)
        full = softmax(dict(enumerate(row)))
        if version == 2:
            surprises = [-math.log2(p) for p in full.values()]
            if min(abs(surprise - mu) for surprise in surprises) < 1e-3:
                break
        else:
            p = sorted(full.values(), reverse=True)[:100]
            t = [math.log((i + 2) / (i + 1)) for i in range(len(p) - 1)]
            b = [math.log(p[i] / p[i + 1]) for i in range(len(p) - 1)]
            s = sum(x * y for x, y in zip(t, b)) / sum(x * x for x in t)
            k = ((s - 1) * 2**mu / (1 - n ** -(s - 1))) ** (1 / s)
            if abs(k - round(k)) < 1e-2 * max(k, 1):
                break
        mu -= eta * (-math.log2(left[chosen]) - tau)
        steps.append((left, chosen))
    L.llama_sampler_free(sampler)
    return steps


def adaptive_steps(target, decay, rows):
    sampler = L.llama_sampler_init_adaptive_p(target, decay, 78)
    steps = []
    for row in rows:
        left, chosen = apply(sampler, range(len(row)), row)
        L.llama_sampler_accept(sampler, chosen)
        steps.append((left, chosen))
    L.llama_sampler_free(sampler)
    return steps


class Vocabulary:
    def __init__(self, path):
        L.llama_log_set(ctypes.cast(None, L.llama_log_callback), None)
        params = L.llama_model_default_params()
        params.vocab_only = True
        self.model = L.llama_model_load_from_file(path.encode(), params)
        self.vocab = L.llama_model_get_vocab(self.model)

    def encode(self, text):
        data = text if isinstance(text, bytes) else text.encode()
        buffer = (L.llama_token * 64)()
        count = L.llama_tokenize(self.vocab, data, len(data), buffer, 64, False, False)
        return list(buffer[:count])

    def piece(self, token):
        buffer = ctypes.create_string_buffer(256)
        count = L.llama_token_to_piece(self.vocab, token, buffer, 256, 0, True)
        return buffer.raw[:count]

    def breakers(self, texts, heads):
        """[head, tail...] of each breaker that begins in one of these tokens."""
        found = []
        for text in (text.encode() for text in texts):
            for head in heads:
                word = self.piece(head)
                if text in word:
                    found.append([head])
                    continue
                for start in range(len(word)):
                    if text.startswith(word[start:]):
                        found.append([head, *self.encode(text[len(word) - start :])])
        return found


def dry_cases(rng, vocab, count):
    pool = sorted({token for text in DRY_TEXTS for token in vocab.encode(text)})
    cases = []
    while len(cases) < count:
        tokens = rng.sample(pool, rng.randrange(3, 8))
        run = [rng.choice(tokens) for _ in range(rng.randrange(2, 9))]
        history = []
        while len(history) < rng.randrange(6, 50):
            start = rng.randrange(len(run))
            piece = run[start:] if rng.random() < 0.7 else [rng.choice(pool)]
            history += piece
        texts = rng.sample(BREAKERS, rng.randrange(len(BREAKERS) + 1))
        values = {
            "dry_multiplier": rng.choice([0.5, 0.8, 2.0]),
            "dry_base": rng.choice([1.0, 1.2, 1.75, 3.0]),
            "dry_allowed_length": rng.choice([0, 1, 2, 2, 4]),
            "dry_penalty_last_n": rng.choice([-1, -1, 4, 12, 30]),
            "dry_sequence_breakers": texts,
        }
        last_n = values["dry_penalty_last_n"]  # -1 is the context's length, which a server puts in
        array = (ctypes.c_char_p * max(1, len(texts)))(*[text.encode() for text in texts])
        sampler = L.llama_sampler_init_dry(
            vocab.vocab, values["dry_multiplier"], values["dry_base"],
            values["dry_allowed_length"], last_n if last_n >= 0 else 4096, array, len(texts),
        )
        for token in history:
            L.llama_sampler_accept(sampler, token)
        left, _ = apply(sampler, pool, [0.0] * len(pool))
        L.llama_sampler_free(sampler)
        breakers = vocab.breakers(texts, sorted(set(history) | set(pool)))
        ids = sorted({*pool, *(token for breaker in breakers for token in breaker)})
        place = {token: index for index, token in enumerate(ids)}
        if len(set(left.values())) == 1 and rng.random() < 0.9:
            continue
        cut = rng.randrange(len(history))
        small = lambda tokens: [place[token] for token in tokens]
        cases.append({
            "stage": "dry",
            "reference": "llama.cpp",
            "params": values,
            "ids": ids,
            "breakers": [small(breaker) for breaker in breakers],
            "candidates": small(pool),
            "prompt": small(history[:cut]),
            "generated": small(history[cut:]),
            "expect": {"tokens": small(left), "probs": [round(p, 7) for p in left.values()]},
        })
    return cases


def llama_cases(rng, sets, count):
    cases = []

    def add(stage, params, name, left, prompt=(), generated=()):
        if left is not None:
            cases.append(case(stage, "llama.cpp", params, name, left, prompt, generated))

    distinct = [name for name in sets if name != "steps"]
    for _ in range(count):
        name = rng.choice(distinct)
        row = sets[name]
        t = rng.choice([0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.6])
        add("xtc", {"xtc_probability": 1.0, "xtc_threshold": t}, name,
            steady(lambda t: L.llama_sampler_init_xtc(1.0, t, 0, 1), [t], row))
        temperature, delta = rng.choice([0.5, 0.8, 1.3]), rng.choice([0.2, 0.5, 1.0])
        exponent = rng.choice([0.0, 0.5, 1.0, 2.0])
        name = rng.choice(list(sets))
        add("temperature",
            {"temperature": temperature, "dynatemp_range": delta, "dynatemp_exponent": exponent},
            name, one_step(L.llama_sampler_init_temp_ext(temperature, delta, exponent), sets[name]))
        pool = rng.sample(range(EOS), 9)
        history = [rng.choice(pool) for _ in range(rng.randrange(1, 30))]
        last_n = rng.choice([-1, 1, 4, 10, 64])
        values = [rng.choice([1.0, 1.3, 0.8]), rng.choice([0.0, 0.4]), rng.choice([0.0, -0.3, 0.7])]
        name = rng.choice([name for name in sets if len(sets[name]) == VOCAB])
        cut = rng.randrange(len(history))
        sampler = L.llama_sampler_init_penalties(VOCAB, last_n if last_n >= 0 else 4096, *values)
        add("penalties",
            {"repetition_penalty": values[0], "frequency_penalty": values[1],
             "presence_penalty": values[2], "penalty_last_n": last_n,
             "penalty_scope": "prompt_and_output"},
            name, one_step(sampler, sets[name], history), history[:cut], history[cut:])
    return cases


def sequence_cases(rng, sets, count):
    cases = []
    sizes = {size: [name for name in sets if len(sets[name]) == size] for size in (VOCAB, 160)}
    for _ in range(count):
        names = [rng.choice(rng.choice(list(sizes.values()))[:3])]
        names = [rng.choice([n for n in sizes[len(sets[names[0]])] if n != "steps"])
                 for _ in range(8)]
        rows = [sets[name] for name in names]
        tau, eta = rng.choice([0.5, 2.0, 3.0, 5.0]), rng.choice([0.1, 0.5, 1.0])
        for version in (1, 2):
            params = {"mirostat": version, "mirostat_tau": tau, "mirostat_eta": eta}
            steps = mirostat_steps(version, tau, eta, rows)
            cases.append(sequence("mirostat", params, names, steps))
        params = {"adaptive_target": rng.choice([0.0, 0.2, 0.5, 0.9]),
                  "adaptive_decay": rng.choice([0.0, 0.5, 0.9, 0.99])}
        steps = adaptive_steps(params["adaptive_target"], params["adaptive_decay"], rows)
        cases.append(sequence("adaptive_p", params, names, steps))
    return [case for case in cases if case["steps"]]


# ---------------------------------------------------------------------- Transformers and formulas


def hf_step(processor, row, history):
    ids = torch.tensor([history or [0]])[:, : len(history)]
    scores = processor(ids, torch.tensor([row], dtype=torch.float64))[0].tolist()
    return softmax({token: score for token, score in enumerate(scores) if score > -math.inf})


def hf_cases(rng, sets, count):
    cases = []

    def add(stage, params, name, processor, history=(), cut=0):
        left = hf_step(processor, sets[name], list(history))
        prompt, generated = history[:cut], history[cut:]
        cases.append(case(stage, "transformers", params, name, left, prompt, generated))

    for _ in range(count):
        pool = rng.sample(range(VOCAB), 4)
        history = [rng.choice(pool) for _ in range(rng.randrange(1, 8))]
        cut = rng.randrange(len(history))
        words = [[rng.choice(pool) for _ in range(rng.randrange(1, 4))] for _ in range(6)]
        if rng.random() < 0.3:
            words.append([EOS])
        words = [list(word) for word in sorted({tuple(word) for word in words})]
        short = rng.choice([name for name in sets if len(sets[name]) == VOCAB])
        add("bad_words", {"bad_words_ids": words}, short,
            H.NoBadWordsLogitsProcessor(words, EOS), history, cut)
        banned = rng.sample(range(VOCAB), rng.randrange(1, 9))
        add("banned_tokens", {"suppress_tokens": banned}, short,
            H.SuppressTokensLogitsProcessor(banned))
        start, factor = rng.randrange(5), rng.choice([0.8, 1.1, 1.5, 2.0])
        add("length_decay", {"exponential_decay_length_penalty": [start, factor]}, short,
            H.ExponentialDecayLengthPenalty((start, factor), [EOS], cut), history, cut)
        name = rng.choice([name for name in sets if name != "steps"])
        h = rng.choice([0.05, 0.3, 0.6, 0.9])
        around = [hf_step(H.TopHLogitsWarper(h * f), sets[name], []) for f in (1 - 1e-6, 1 + 1e-6)]
        if around[0].keys() == around[1].keys():
            add("top_h", {"top_h": h}, name, H.TopHLogitsWarper(h))
    return cases


def formula_cases(rng, sets, count):
    cases = []

    def add(stage, params, name, keep=None, logits=None):
        row = np.array(sets[name]) if logits is None else logits
        kept = range(len(row)) if keep is None else keep
        left = softmax({int(token): float(row[token]) for token in kept})
        cases.append(case(stage, "formula", params, name, left))

    def probabilities(row):
        weights = np.exp(np.array(row) - max(row))
        return weights / weights.sum()

    for _ in range(count):
        name = rng.choice(list(sets))
        p = probabilities(sets[name])
        a = rng.choice([0.1, 0.3, 0.7, 1.0])
        if np.abs(p - a * p.max() ** 2).min() > 1e-9:
            add("top_a", {"top_a": a}, name, np.flatnonzero(p >= a * p.max() ** 2))
        z = rng.choice([0.2, 0.5, 0.9, 0.97])
        order = np.argsort(-p, kind="stable")
        second = np.abs(np.diff(np.diff(p[order])))
        share = np.cumsum(second / second.sum())
        if np.abs(share - z).min() > 1e-9:
            removed = np.concatenate([[False], share > z, [True]])
            add("tail_free", {"tfs": z}, name, order[~removed])
        factor, curve = rng.choice([0.1, 0.3, 1.5]), rng.choice([1.0, 2.0, 3.0, 4.5])
        row = np.array(sets[name])
        d = row - row.max()
        bent = row.max() - (3 - curve) / 2 * factor * d**2 + (curve - 1) / 2 * factor * d**3
        add("smoothing", {"smoothing_factor": factor, "smoothing_curve": curve}, name, logits=bent)
    return cases


# ----------------------------------------------------------------------------------------- output


def case(stage, reference, params, name, left, prompt=(), generated=()):
    expect = {"tokens": list(left), "probs": [round(p, 7) for p in left.values()]}
    return {"stage": stage, "reference": reference, "params": params, "logits": name,
            "prompt": list(prompt), "generated": list(generated), "expect": expect}


def sequence(stage, params, names, steps):
    """Long lists of probabilities are told by their first ones; the rest follows from them."""
    rows = [{"logits": name, "tokens": list(left), "probs": [round(p, 7) for p in left.values()][:9],
             "chosen": chosen}
            for name, (left, chosen) in zip(names, steps)]
    return {"stage": stage, "reference": "llama.cpp", "params": params, "steps": rows}


def logit_sets(rng):
    def rounded(count, spread):
        """Values of which no two are equal."""
        values = {}
        while len(values) < count:
            values[round(rng.gauss(0, spread), 3)] = None
        return list(values)

    peaked = rounded(VOCAB, 1)
    peaked[rng.randrange(VOCAB)] = 7.125
    steps = [rng.randrange(-4, 5) / 2 for _ in range(VOCAB)]
    return {"wide": rounded(VOCAB, 2.5), "narrow": rounded(VOCAB, 0.8), "peaked": peaked,
            "long": rounded(160, 1.5), "longer": rounded(160, 3.0), "steps": steps}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--vocab", required=True, help="a vocabulary-only GGUF of gpt-2")
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--count", type=int, default=10, help="cases per stage, about")
    parser.add_argument("--out", required=True)
    args = parser.parse_args()
    rng = random.Random(args.seed)
    sets = logit_sets(rng)
    cases = llama_cases(rng, sets, args.count)
    cases += sequence_cases(rng, sets, args.count // 2)
    cases += hf_cases(rng, sets, args.count) + formula_cases(rng, sets, args.count)
    cases += dry_cases(rng, Vocabulary(args.vocab), args.count * 4)
    with open(args.out, "w") as out:
        out.write('{"seed": %d, "eos": %d, "logit_sets": %s,\n"cases": [\n'
                  % (args.seed, EOS, json.dumps(sets)))
        out.write(",\n".join(json.dumps(case) for case in cases) + "\n]}\n")


main()
