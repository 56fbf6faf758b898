"""Answers of Transformers' model.generate to padded batches on the conformance checkpoints.

    python hf_batches.py CONFORMANCE_FOLDER > ../data/hf_batches.json

Made with transformers 5.23.0, torch, float32 on the CPU. Each case has the prompts without pads,
the keyword arguments, and the matrix that came back, or the error's type.
"""

import json
import logging
import os
import sys
import warnings

import torch
from transformers import AutoModelForCausalLM

warnings.simplefilter("ignore")
logging.disable(logging.WARNING)
FOLDER = sys.argv[1]


def padded(prompts, pad):
    width = max(map(len, prompts))
    fill = [[pad] * (width - len(row)) for row in prompts]
    rows = [gap + row for gap, row in zip(fill, prompts)]
    mask = [[0] * len(gap) + [1] * len(row) for gap, row in zip(fill, prompts)]
    return torch.tensor(rows), torch.tensor(mask)


def case(model, prompts, kwargs, drop_pad=False):
    config = model.generation_config
    own_pad = config.pad_token_id
    if drop_pad:
        config.pad_token_id = None
    eos = kwargs.get("eos_token_id", config.eos_token_id)
    first_eos = eos[0] if isinstance(eos, list) else eos
    pad = kwargs.get("pad_token_id", first_eos if drop_pad else own_pad)
    ids, mask = padded(prompts, pad)
    entry = {"kwargs": kwargs, "prompts": prompts}
    if drop_pad:
        # The same call for a program that reads the configuration from the folder.
        entry["kwargs"] = {**kwargs, "pad_token_id": first_eos}
    try:
        entry["sequences"] = model.generate(ids, attention_mask=mask, **kwargs).tolist()
    except Exception as error:
        entry["error"] = type(error).__name__
    config.pad_token_id = own_pad
    return entry


def main():
    models = {}
    for name in ["llama-gqa", "qwen2", "gpt2", "qwen3"]:
        folder = os.path.join(FOLDER, "models", name)
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
        expected = json.load(open(os.path.join(folder, "expected.json")))
        all_prompts = [prompt["ids"] for prompt in expected["prompts"]]
        prompts = [row for row in all_prompts if 0 < len(row) < 40][:4]
        width = max(map(len, prompts))
        first = model.generate(torch.tensor([prompts[0]]), max_new_tokens=12, do_sample=False)
        early = first[0, len(prompts[0]) + 3].item()
        calls = [
            {"max_new_tokens": 12},
            {"max_length": width + 7},
            {"max_length": width},
            {"max_length": width + 3, "max_new_tokens": 9},
            {},
            {"max_new_tokens": 0},
            {"max_new_tokens": 12, "eos_token_id": [early, 4]},
            {"max_new_tokens": 12, "eos_token_id": early},
            {"max_new_tokens": 12, "eos_token_id": [early, 4], "min_new_tokens": 6},
            {"max_new_tokens": 12, "eos_token_id": [early, 4], "min_length": width + 5},
            {"max_new_tokens": 12, "eos_token_id": -1},
            {"max_new_tokens": 12, "pad_token_id": 7},
            {"max_new_tokens": 12, "temperature": 0.5, "top_k": 3, "do_sample": False},
            {"max_new_tokens": 16, "repetition_penalty": 1.4},
            {"max_new_tokens": 20, "no_repeat_ngram_size": 2},
            {"max_new_tokens": 12, "num_beams": 3},
            {"max_new_tokens": 12, "num_beams": 4, "num_return_sequences": 2, "length_penalty": 0.5},
            {"max_new_tokens": 12, "num_beams": 3, "early_stopping": True, "eos_token_id": [early, 4]},
            {"max_new_tokens": 5, "num_return_sequences": 2},
        ]
        cases = [case(model, prompts, {"do_sample": False, **kwargs}) for kwargs in calls]
        cases.append(case(model, prompts[:1], {"max_new_tokens": 8}))
        early_call = {"max_new_tokens": 10, "eos_token_id": [early, 4]}
        cases.append(case(model, prompts, early_call, drop_pad=True))
        models[name] = cases
    print(json.dumps({"format": 1, "transformers": "5.23.0", "models": models}, separators=(",", ":")))


main()
