#!/usr/bin/env python3
"""Time that llama.cpp's sampler chain takes for a step over 128,256 logits.

    python3 bench/sampling_peer.py [--rounds 200]

The same logits, parameters and history as `cargo bench -p sampling` (`crates/sampling/benches`).
Only `llama_sampler_apply` of the whole chain is timed; building the candidate array, which
llama.cpp does in each step too, is not. Prints one JSON object: case -> median microseconds.
Needs `llama-cpp-python` (0.3.36 here) and numpy.
"""

import argparse
import ctypes
import json
import statistics
import time

import llama_cpp
import numpy as np

VOCABULARY = 128_256


def row(scale):
    """Bell-shaped logits of standard deviation `scale`, and a few peaks, as the bench has them."""
    mask = (1 << 64) - 1
    state = (np.arange(VOCABULARY, dtype=np.uint64) + np.uint64(1)) * np.uint64(
        0x9E3779B97F4A7C15 & mask
    )
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    state ^= state >> np.uint64(31)
    total = sum((state >> np.uint64(16 * part)) & np.uint64(0xFFFF) for part in range(4))
    bell = (total.astype(np.float64) / 65536.0 - 2.0) * 3.0**0.5 * scale
    ids = np.arange(VOCABULARY)
    return np.where(ids % 9973 == 5, bell + 5.6 * scale, bell).astype(np.float32)


def candidates(logits):
    """The array that llama.cpp's samplers work on, and what to copy it from in each round."""
    dtype = np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)])
    template = np.zeros(VOCABULARY, dtype)
    template["id"] = np.arange(VOCABULARY)
    template["logit"] = logits
    return template, np.empty_like(template)


def chain(case):
    """llama.cpp's samplers in its own order."""
    samplers = llama_cpp.llama_sampler_chain_init(llama_cpp.llama_sampler_chain_default_params())
    add = lambda sampler: llama_cpp.llama_sampler_chain_add(samplers, sampler)
    if case == "everything":
        add(llama_cpp.llama_sampler_init_penalties(VOCABULARY, 64, 1.1, 0.5, 0.2))
        add(llama_cpp.llama_sampler_init_top_k(40))
    if case in ("everything", "temperature_top_p"):
        add(llama_cpp.llama_sampler_init_top_p(0.95, 1))
    if case == "everything":
        add(llama_cpp.llama_sampler_init_min_p(0.05, 1))
    if case != "greedy":
        add(llama_cpp.llama_sampler_init_temp(0.8))
        add(llama_cpp.llama_sampler_init_dist(7))
    else:
        add(llama_cpp.llama_sampler_init_greedy())
    for token in range(64):
        llama_cpp.llama_sampler_accept(samplers, token * 31 % VOCABULARY)
    return samplers


def measure(case, logits, rounds):
    """Median microseconds of one application of the chain."""
    template, work = candidates(logits)
    samplers = chain(case)
    array = llama_cpp.llama_token_data_array()
    times = []
    for _ in range(rounds):
        np.copyto(work, template)
        array.data = ctypes.cast(work.ctypes.data, ctypes.POINTER(llama_cpp.llama_token_data))
        array.size = VOCABULARY
        array.selected = -1
        array.sorted = False
        start = time.perf_counter()
        llama_cpp.llama_sampler_apply(samplers, ctypes.byref(array))
        times.append(time.perf_counter() - start)
    llama_cpp.llama_sampler_free(samplers)
    return statistics.median(times) * 1e6


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=200)
    rounds = parser.parse_args().rounds
    rows = {"peaked": row(2.5), "flat": row(0.25)}
    print(json.dumps({
        f"{case} {name}": round(measure(case, logits, rounds), 2)
        for case in ("everything", "temperature_top_p", "temperature", "greedy")
        for name, logits in rows.items()
    }))


if __name__ == "__main__":
    main()
