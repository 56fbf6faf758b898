#!/usr/bin/env python3
"""Writes profile cases: what other programs really keep, and with which probabilities.

    python3 make_profile_cases.py --seed 3 --out ../data/profile_cases.json

Three references:
  hf         Transformers' own chain, as `model.generate` puts it together (`_get_logits_processor`),
             on float64 logits;
  llama.cpp  its own samplers through llama-cpp-python, chained in the default order of its server;
  vllm       the rules of `vllm/v1/sample`, written again here in a few lines of torch.

A case whose surviving set changes when a threshold moves by a hair, or when ids change places, is
left out: there rounding decides, or a sort that promises no order among equals. The exact
boundaries have vectors of their own. Needs torch, transformers and llama-cpp-python.
"""

import argparse
import ctypes
import json
import math
import random

import llama_cpp
import torch
import transformers

VOCAB = 28
EOS = 27
THRESHOLDS = ["top_p", "min_p", "typical_p", "epsilon_cutoff", "eta_cutoff", "top_n_sigma"]


def logit_sets(rng):
    """Rows of logits: two without ties, two with many, one peaked."""
    wide = [round(rng.gauss(0, 2.5), 3) for _ in range(VOCAB)]
    narrow = [round(rng.gauss(0, 0.8), 3) for _ in range(VOCAB)]
    peaked = [round(rng.gauss(0, 1), 3) for _ in range(VOCAB)]
    peaked[rng.randrange(VOCAB)] = 7.125
    steps = [rng.randrange(-4, 5) / 2 for _ in range(VOCAB)]
    flat = [float(rng.randrange(3)) for _ in range(VOCAB)]
    distinct = {"wide": wide, "narrow": narrow, "peaked": peaked}
    return distinct, {"steps": steps, "flat": flat}


def history(rng, longest):
    """Tokens that repeat each other often."""
    pool = rng.sample(range(EOS), 9)
    return [rng.choice(pool) for _ in range(rng.randrange(longest))]


# ---------------------------------------------------------------------------- Transformers


def hf_model():
    config = transformers.GPT2Config(
        vocab_size=VOCAB, n_layer=1, n_head=1, n_embd=8, bos_token_id=0, eos_token_id=EOS
    )
    return transformers.GPT2LMHeadModel(config)


def hf_kept(model, logits, prompt, generated, params):
    names = {"min_tokens": "min_new_tokens"}
    plain = {names.get(k, k): v for k, v in params.items() if k not in ("logit_bias", "eos_token_id")}
    plain.setdefault("top_k", 0)
    config = transformers.GenerationConfig(**plain)
    config.do_sample = params.get("do_sample", True)
    config._eos_token_tensor = torch.tensor([EOS])
    bias = params.get("logit_bias", {})
    added = {(int(k),): float(v) for k, v in bias.items() if v != "-inf"}
    banned = [[int(k)] for k, v in bias.items() if v == "-inf"]
    config.sequence_bias = added or None
    config.bad_words_ids = banned or None
    chain = model._get_logits_processor(config, input_ids_seq_length=len(prompt), device="cpu")
    ids = torch.tensor([prompt + generated], dtype=torch.long)
    scores = torch.tensor([logits], dtype=torch.float32).double()
    scores = chain(ids, scores)[0]
    if not config.do_sample:
        return {int(scores.argmax()): 0.0}
    return {i: float(v) for i, v in enumerate(scores) if v > -math.inf}


def hf_params(rng):
    choices = {
        "logit_bias": lambda: bias(rng),
        "repetition_penalty": lambda: rng.choice([0.7, 1.1, 1.5, 3.0]),
        "no_repeat_ngram_size": lambda: rng.choice([1, 2, 3]),
        "min_tokens": lambda: rng.choice([1, 4, 30]),
        "temperature": lambda: rng.choice([0.3, 0.7, 1.6, 2.5]),
        "top_k": lambda: rng.choice([1, 3, 7, 12, 50]),
        "top_p": lambda: rng.choice([0.1, 0.45, 0.8, 0.93]),
        "min_p": lambda: rng.choice([0.03, 0.15, 0.4]),
        "typical_p": lambda: rng.choice([0.25, 0.6, 0.9]),
        "epsilon_cutoff": lambda: rng.choice([0.004, 0.03]),
        "eta_cutoff": lambda: rng.choice([0.01, 0.2]),
        "do_sample": lambda: False,
    }
    return some_of(rng, choices, {"do_sample": 0.06, "no_repeat_ngram_size": 0.15})


# ---------------------------------------------------------------------------- llama.cpp


def llama_chain(params):
    """The samplers in the order of llama.cpp's server, without the final draw."""
    get = params.get
    chain = llama_cpp.llama_sampler_chain_init(llama_cpp.llama_sampler_chain_default_params())
    keep = []
    bias_map = get("logit_bias", {})
    if bias_map:
        entries = (llama_cpp.llama_logit_bias * len(bias_map))()
        for entry, (token, value) in zip(entries, bias_map.items()):
            entry.token = int(token)
            entry.bias = -math.inf if value == "-inf" else value
        keep.append(entries)
        add = llama_cpp.llama_sampler_init_logit_bias(VOCAB, len(bias_map), entries)
        llama_cpp.llama_sampler_chain_add(chain, add)
    samplers = [
        llama_cpp.llama_sampler_init_penalties(
            VOCAB,
            get("penalty_last_n", 64),
            get("repetition_penalty", 1.0),
            get("frequency_penalty", 0.0),
            get("presence_penalty", 0.0),
        ),
        llama_cpp.llama_sampler_init_top_n_sigma(get("top_n_sigma", -1.0)),
        llama_cpp.llama_sampler_init_top_k(get("top_k", 0)),
        llama_cpp.llama_sampler_init_typical(get("typical_p", 1.0), 0),
        llama_cpp.llama_sampler_init_top_p(get("top_p", 1.0), 0),
        llama_cpp.llama_sampler_init_min_p(get("min_p", 0.0), 0),
        llama_cpp.llama_sampler_init_temp_ext(get("temperature", 1.0), 0.0, 1.0),
    ]
    for sampler in samplers:
        llama_cpp.llama_sampler_chain_add(chain, sampler)
    return chain, keep


def llama_kept(_, logits, prompt, generated, params):
    chain, keep = llama_chain(params)
    for token in prompt + generated:
        llama_cpp.llama_sampler_accept(chain, token)
    data = (llama_cpp.llama_token_data * VOCAB)()
    for token, logit in enumerate(logits):
        data[token] = llama_cpp.llama_token_data(token, logit, 0.0)
    array = llama_cpp.llama_token_data_array(
        ctypes.cast(data, llama_cpp.llama_token_data_p), VOCAB, -1, False
    )
    llama_cpp.llama_sampler_apply(chain, ctypes.byref(array))
    kept = {array.data[i].id: array.data[i].logit for i in range(array.size)}
    llama_cpp.llama_sampler_free(chain)
    del keep
    return {token: logit for token, logit in kept.items() if logit > -math.inf}


def llama_params(rng):
    choices = {
        "logit_bias": lambda: bias(rng),
        "repetition_penalty": lambda: rng.choice([0.7, 1.1, 1.5, 3.0]),
        "frequency_penalty": lambda: rng.choice([-0.5, 0.3, 1.1]),
        "presence_penalty": lambda: rng.choice([-0.4, 0.6, 1.5]),
        "penalty_last_n": lambda: rng.choice([0, 1, 5, 20]),
        "top_n_sigma": lambda: rng.choice([0.6, 1.3, 2.2]),
        "top_k": lambda: rng.choice([1, 3, 7, 12, 40]),
        "typical_p": lambda: rng.choice([0.25, 0.6, 0.9]),
        "top_p": lambda: rng.choice([0.1, 0.45, 0.8, 0.93]),
        "min_p": lambda: rng.choice([0.03, 0.15, 0.4]),
        "temperature": lambda: rng.choice([0.0, 0.3, 0.7, 1.6, 2.5]),
    }
    params = some_of(rng, choices, {"top_n_sigma": 0.2, "typical_p": 0.25})
    if "top_n_sigma" in params or "-inf" in params.get("logit_bias", {}).values():
        # Masked candidates make its typical-p work with NaN: nothing to be equal to.
        params.pop("typical_p", None)
    return params


# ---------------------------------------------------------------------------- vLLM


def vllm_kept(_, logits, prompt, generated, params):
    row = torch.tensor(logits, dtype=torch.float32).double()
    for token, value in params.get("logit_bias", {}).items():
        row[int(token)] += -100.0 if value == "-inf" else min(100.0, max(-100.0, value))
    counts = torch.bincount(torch.tensor(generated, dtype=torch.long), minlength=VOCAB).double()
    seen = counts > 0
    seen[prompt] = True
    factor = params.get("repetition_penalty", 1.0)
    row = torch.where(seen, torch.where(row > 0, row / factor, row * factor), row)
    row = row - params.get("frequency_penalty", 0.0) * counts
    row = row - params.get("presence_penalty", 0.0) * (counts > 0)
    temperature = params.get("temperature", 1.0)
    if temperature < 1e-5:
        return {int(row.argmax()): 0.0}
    row = row / max(temperature, 0.01)
    if "min_p" in params:
        probabilities = row.softmax(-1)
        row[probabilities < params["min_p"] * probabilities.max()] = -math.inf
    ascending, places = torch.sort(row, stable=True)
    count = params.get("top_k", 0)
    if count > 0:
        ascending[ascending < ascending[VOCAB - min(count, VOCAB)]] = -math.inf
    if params.get("top_p", 1.0) < 1:
        light = ascending.softmax(-1).cumsum(-1) <= 1 - params["top_p"]
        light[-1] = False
        ascending[light] = -math.inf
    row = torch.empty_like(row)
    row[places] = ascending
    return {i: float(v) for i, v in enumerate(row) if v > -math.inf}


def vllm_params(rng):
    choices = {
        "logit_bias": lambda: bias(rng),
        "repetition_penalty": lambda: rng.choice([0.7, 1.1, 1.5, 3.0]),
        "frequency_penalty": lambda: rng.choice([-0.5, 0.3, 1.1]),
        "presence_penalty": lambda: rng.choice([-0.4, 0.6, 1.5]),
        "temperature": lambda: rng.choice([0.0, 0.002, 0.3, 0.7, 1.6, 2.0]),
        "min_p": lambda: rng.choice([0.03, 0.15, 0.4]),
        "top_k": lambda: rng.choice([1, 3, 7, 12, 40]),
        "top_p": lambda: rng.choice([0.1, 0.45, 0.8, 0.93]),
    }
    return some_of(rng, choices, {})


# ---------------------------------------------------------------------------- cases


def bias(rng):
    """Not of the end token, which Transformers takes out of its bad words."""
    ids = rng.sample(range(EOS), rng.randrange(1, 5))
    return {str(i): rng.choice(["-inf", -3.5, 1.25, 4.0]) for i in ids}


def some_of(rng, choices, chances):
    wanted = {}
    for name, draw in choices.items():
        if rng.random() < chances.get(name, 0.4):
            wanted[name] = draw()
    return wanted


def is_stable(kept, run):
    """Whether the surviving set stays when each threshold moves a little."""
    params = run[-1]
    for name in THRESHOLDS:
        for factor in (1 - 2e-5, 1 + 2e-5):
            if name in params:
                moved = {**params, name: params[name] * factor}
                if set(kept(*run[:-1], moved)) != set(kept(*run)):
                    return False
    return True


def is_blind_to_ids(kept, run):
    """Whether the same candidates survive when ids change places; greedy takes the lowest."""
    model, logits, prompt, generated, params = run
    if params.get("temperature") == 0.0 or not params.get("do_sample", True):
        return True
    survivors = set(kept(*run))
    for seed in range(8):
        # The end token keeps its id.
        places = random.Random(seed).sample(range(EOS), EOS) + [EOS]
        row = [0.0] * VOCAB
        for token, place in enumerate(places):
            row[place] = logits[token]
        moved = dict(params)
        if "logit_bias" in params:
            entries = params["logit_bias"].items()
            moved["logit_bias"] = {str(places[int(token)]): value for token, value in entries}
        history = [[places[token] for token in tokens] for tokens in (prompt, generated)]
        if set(kept(model, row, *history, moved)) != {places[token] for token in survivors}:
            return False
    return True


def probabilities(logits):
    largest = max(logits.values())
    weights = {token: math.exp(logit - largest) for token, logit in logits.items()}
    total = sum(weights.values())
    return {token: weight / total for token, weight in sorted(weights.items())}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--count", type=int, default=120, help="cases per program")
    parser.add_argument("--out", required=True)
    args = parser.parse_args()
    rng = random.Random(args.seed)
    distinct, tied = logit_sets(rng)
    programs = [
        ("hf", hf_kept, hf_params, hf_model(), {**distinct, **tied}, 24),
        ("llama.cpp", llama_kept, llama_params, None, distinct, 90),
        ("vllm", vllm_kept, vllm_params, None, {**distinct, **tied}, 24),
    ]
    cases = []
    for program, kept, draw, model, sets, longest in programs:
        made = 0
        while made < args.count:
            name = rng.choice(sorted(sets))
            prompt, generated = history(rng, longest), history(rng, 12)
            params = draw(rng)
            if program == "hf" and not prompt + generated:
                continue
            run = (model, sets[name], prompt, generated, params)
            found = kept(*run)
            if not params or not found:
                continue
            if not is_stable(kept, run) or not is_blind_to_ids(kept, run):
                continue
            shares = probabilities(found)
            cases.append({
                "profile": program,
                "logits": name,
                "prompt": prompt,
                "generated": generated,
                "params": params,
                "tokens": list(shares),
                "probs": [float(f"{share:.7g}") for share in shares.values()],
            })
            made += 1
    versions = {
        "transformers": transformers.__version__,
        "llama_cpp_python": llama_cpp.__version__,
        "torch": torch.__version__.split("+")[0],
    }
    head = {"format": 1, "seed": args.seed, "versions": versions, "eos": EOS}
    with open(args.out, "w", encoding="utf-8") as out:
        out.write(json.dumps({**head, "logit_sets": {**distinct, **tied}})[:-1] + ', "cases": [\n')
        out.write(",\n".join(json.dumps(case) for case in cases))
        out.write("\n]}\n")


if __name__ == "__main__":
    main()
