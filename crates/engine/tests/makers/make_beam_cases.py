"""Makes ../data/beam_cases.json: beam searches of the conformance models by transformers.

    JETON_CONFORMANCE=FOLDER python make_beam_cases.py     needs torch and transformers 5

The cases name the prompts of each model's `expected.json` by their index; the models themselves stay
where they are. Cases whose order rests on the last bits of a float are left out.
"""

import json
import os
import pathlib
import random
import warnings

import torch
from transformers import AutoModelForCausalLM, GenerationConfig
from transformers.utils import logging

MODELS = ["gpt2", "llama-gqa", "llama-rope3", "qwen2", "qwen3", "stories260k"]
CASES_PER_MODEL = 40


def any_case(rng, prompt_count):
    beams = rng.randint(2, 8)
    case = {
        "prompt": rng.randrange(prompt_count),
        "num_beams": beams,
        "num_return_sequences": rng.randint(1, beams),
        "length_penalty": rng.choice([-1.0, -0.5, 0.0, 0.6, 1.0, 1.0, 1.3, 2.0]),
        "early_stopping": rng.choice([False, True, "never"]),
        "max_tokens": rng.choice([1, 5, 12, 20, 30]),
    }
    if rng.random() < 0.3:
        case["repetition_penalty"] = rng.choice([0.9, 1.15, 1.5])
    if rng.random() < 0.25:
        case["no_repeat_ngram_size"] = rng.choice([1, 2, 3])
    if rng.random() < 0.25:
        case["min_tokens"] = rng.randint(1, case["max_tokens"])
    if rng.random() < 0.25:
        biases = {str(rng.randrange(10, 300)): rng.choice(["-inf", -2.0, 1.5]) for _ in range(3)}
        case["logit_bias"] = biases
    return case


def answer(model, prompt, case, eos):
    extra = {}
    for name in ("repetition_penalty", "no_repeat_ngram_size"):
        if name in case:
            extra[name] = case[name]
    if "min_tokens" in case:
        extra["min_new_tokens"] = case["min_tokens"]
    biases = case.get("logit_bias", {})
    banned = [int(token) for token, bias in biases.items() if bias == "-inf"]
    added = [[[int(token)], bias] for token, bias in biases.items() if bias != "-inf"]
    if banned:
        extra["suppress_tokens"] = banned
    if added:
        extra["sequence_bias"] = added
    config = GenerationConfig(
        num_beams=case["num_beams"],
        num_return_sequences=case["num_return_sequences"],
        length_penalty=case["length_penalty"],
        early_stopping=case["early_stopping"],
        max_new_tokens=case["max_tokens"],
        eos_token_id=eos,
        pad_token_id=eos[0],
        do_sample=False,
        return_dict_in_generate=True,
        output_scores=True,
        **extra,
    )
    ids = torch.tensor([prompt])
    out = model.generate(ids, attention_mask=torch.ones_like(ids), generation_config=config)
    sequences = []
    for row in out.sequences[:, len(prompt) :].tolist():
        ends = [place for place, token in enumerate(row) if token in eos]
        sequences.append(row[: ends[0] + 1] if ends else row)
    return sequences, out.sequences_scores.tolist()


def main():
    warnings.filterwarnings("ignore")
    logging.set_verbosity_error()
    rng = random.Random(20261)
    root = pathlib.Path(os.environ["JETON_CONFORMANCE"]) / "models"
    cases = []
    for name in MODELS:
        expected = json.loads((root / name / "expected.json").read_text())
        model = AutoModelForCausalLM.from_pretrained(root / name, dtype=torch.float32).eval()
        model.generation_config = GenerationConfig()
        eos = expected["eos_token_ids"]
        own = 0
        while own < CASES_PER_MODEL:
            case = any_case(rng, len(expected["prompts"]))
            prompt = expected["prompts"][case["prompt"]]["ids"]
            with torch.no_grad():
                sequences, scores = answer(model, prompt, case, eos)
            gaps = [abs(a - b) for a, b in zip(scores, scores[1:])]
            if min(gaps, default=1.0) < 1e-4 or min(scores) < -1e8:
                continue
            own += 1
            case = {"model": name, **case, "sequences": sequences}
            case["scores"] = [round(score, 6) for score in scores]
            cases.append(case)
    out = pathlib.Path(__file__).parent.parent / "data" / "beam_cases.json"
    lines = ",\n".join(json.dumps(case) for case in cases)
    out.write_text('{"cases": [\n' + lines + "\n]}\n")


main()
