"""Makes ../data/beam_cases.json: beam searches over tables of logits, answered by other programs.

A "model" here is a table: the logits after token t at position p are row (t + 5 p) modulo the
vocabulary (without p, texts made of the same pairs would tie). Plain beam search is answered by `transformers` (its real `generate`, on a module that looks rows up); diverse groups,
which version 5 no longer has, by `diverse_groups` below, written from the paper (arXiv:1610.02424)
and from what version 4 documents.

    python make_beam_cases.py          needs torch, numpy and transformers 5
"""

import json
import pathlib
import random

import numpy as np
import torch
from transformers import GenerationConfig, GenerationMixin, PretrainedConfig, PreTrainedModel
from transformers.modeling_outputs import CausalLMOutput

VOCAB = 14


class TableConfig(PretrainedConfig):
    model_type = "table"


class TableModel(PreTrainedModel, GenerationMixin):
    config_class = TableConfig

    def __init__(self, table):
        super().__init__(TableConfig(vocab_size=VOCAB))
        self.table = torch.nn.Parameter(torch.tensor(table), requires_grad=False)

    def forward(self, input_ids=None, **_):
        positions = torch.arange(input_ids.shape[1])
        return CausalLMOutput(logits=self.table[(input_ids + 5 * positions) % VOCAB])

    def prepare_inputs_for_generation(self, input_ids, **_):
        return {"input_ids": input_ids}


def answer(table, case):
    """What transformers gives."""
    extra = {}
    if case.get("no_repeat_ngram_size"):
        extra["no_repeat_ngram_size"] = case["no_repeat_ngram_size"]
    if case.get("repetition_penalty"):
        extra["repetition_penalty"] = case["repetition_penalty"]
    if case.get("min_tokens"):
        extra["min_new_tokens"] = case["min_tokens"]
    if case.get("banned"):
        extra["suppress_tokens"] = case["banned"]
    if case.get("bias"):
        extra["sequence_bias"] = [[[int(token)], bias] for token, bias in case["bias"].items()]
    config = GenerationConfig(
        num_beams=case["num_beams"],
        length_penalty=case["length_penalty"],
        early_stopping=case["early_stopping"],
        num_return_sequences=case["num_return_sequences"],
        max_new_tokens=case["max_tokens"],
        eos_token_id=case["eos"] or None,
        pad_token_id=VOCAB - 1,
        do_sample=False,
        use_cache=False,
        return_dict_in_generate=True,
        output_scores=True,
        **extra,
    )
    prompt = torch.tensor([case["prompt"]])
    out = TableModel(table).generate(prompt, generation_config=config)
    sequences = []
    for row in out.sequences[:, prompt.shape[1] :].tolist():
        ends = [place for place, token in enumerate(row) if token in case["eos"]]
        sequences.append(row[: ends[0] + 1] if ends else row)
    return sequences, out.sequences_scores.tolist()


def diverse_groups(table, case):
    """Diverse beam search in float64, group after group."""
    table = np.asarray(table, dtype=np.float64)
    groups, size = case["num_beam_groups"], case["num_beams"] // case["num_beam_groups"]
    keep = max(2, 1 + len(case["eos"])) * size
    power, limit = case["length_penalty"], case["max_tokens"]
    live = [[((), 0.0)] for _ in range(groups)]
    finished = [[] for _ in range(groups)]
    done = [False] * groups
    for step in range(1, limit + 1):
        taken = []
        for group in range(groups):
            if done[group]:
                continue
            ranked = []
            for index, (tokens, total) in enumerate(live[group]):
                history = tuple(case["prompt"]) + tokens
                row = table[(history[-1] + 5 * (len(history) - 1)) % VOCAB]
                shifted = row - row.max()
                logprobs = shifted - np.log(np.exp(shifted).sum())
                for token in taken:
                    logprobs[token] -= case["diversity_penalty"]
                ranked += [(-(total + logprobs[t]), index, t) for t in range(VOCAB)]
            ranked = sorted(ranked)[:keep]
            survivors = []
            for rank, (negative, index, token) in enumerate(ranked):
                tokens = live[group][index][0] + (token,)
                if token in case["eos"]:
                    if rank < size:
                        finished[group].append((-negative / step**power, tokens))
                elif len(survivors) < size:
                    survivors.append((tokens, -negative))
            if step == limit:
                finished[group] += [(total / step**power, tokens) for tokens, total in survivors]
            finished[group] = sorted(finished[group], key=lambda entry: -entry[0])[:size]
            live[group] = survivors
            taken += [tokens[-1] for tokens, _ in survivors]
            if len(finished[group]) == size:
                stop = case["early_stopping"]
                length = limit if stop == "never" and power > 0 else step
                attainable = -ranked[0][0] / length**power
                done[group] = stop is True or finished[group][-1][0] >= attainable
        if all(done):
            break
    best = sorted(sum(finished, []), key=lambda entry: -entry[0])[: case["num_return_sequences"]]
    return [list(map(int, tokens)) for _, tokens in best], [score for score, _ in best]


def any_case(rng, with_groups):
    beams = rng.choice([2, 3, 4, 5, 6, 8])
    case = {
        "table": rng.randrange(3),
        "prompt": [rng.randrange(3, VOCAB - 1) for _ in range(rng.choice([1, 2, 4]))],
        "num_beams": beams,
        "num_return_sequences": rng.randint(1, beams),
        "length_penalty": rng.choice([-1.0, 0.0, 0.5, 0.6, 1.0, 1.0, 1.5, 2.0]),
        "early_stopping": rng.choice([False, True, "never"]),
        "max_tokens": rng.choice([1, 2, 5, 9, 14]),
        "eos": rng.choice([[0], [0], [0, 1], [0, 1, 2], []]),
    }
    if with_groups:
        case["num_beam_groups"] = rng.choice([g for g in (2, 3, 4, 6, 8) if beams % g == 0] or [1])
        case["diversity_penalty"] = rng.choice([0.1, 0.5, 1.0, 3.0])
        return case
    if rng.random() < 0.35:
        case["repetition_penalty"] = rng.choice([0.8, 1.1, 1.4])
    if rng.random() < 0.25:
        case["no_repeat_ngram_size"] = rng.choice([2, 3])
    if rng.random() < 0.25 and case["eos"]:
        case["min_tokens"] = rng.randint(1, case["max_tokens"])
    if rng.random() < 0.25:
        case["banned"] = sorted(rng.sample(range(3, VOCAB), 2))
    if rng.random() < 0.2:
        case["bias"] = {str(token): rng.choice([-1.5, 0.75]) for token in rng.sample(range(VOCAB), 2)}
    return case


def main():
    rng = random.Random(20261)
    tables = []
    for seed in range(3):
        values = np.random.default_rng(seed).normal(0.0, 1.6, size=(VOCAB, VOCAB))
        tables.append([[round(float(value), 3) for value in row] for row in values])
    cases = []
    while len(cases) < 170:
        with_groups = len(cases) >= 120
        case = any_case(rng, with_groups)
        if with_groups and case["num_beam_groups"] == 1:
            continue
        table = np.asarray(tables[case["table"]], dtype=np.float32)
        sequences, scores = (diverse_groups if with_groups else answer)(table, case)
        gaps = [abs(a - b) for a, b in zip(scores, scores[1:])]
        # Float32 sums decide near-ties by rounding; groups can hold the same text twice.
        if not with_groups and (min(gaps, default=1.0) < 1e-5 or min(scores) < -1e8):
            continue
        case["sequences"] = sequences
        case["scores"] = [round(score, 6) for score in scores]
        cases.append(case)
    out = pathlib.Path(__file__).parent.parent / "data" / "beam_cases.json"
    lines = ",\n".join(json.dumps(case) for case in cases)
    out.write_text(f'{{"tables": {json.dumps(tables)},\n"cases": [\n{lines}\n]}}\n')


main()
