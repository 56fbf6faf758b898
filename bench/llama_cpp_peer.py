#!/usr/bin/env python3
"""Prefill and decode speed of llama.cpp on a GGUF file, measured as `jeton bench` measures.

    python3 bench/llama_cpp_peer.py MODEL.gguf [--threads 2] [--prefill 512] [--decode 128] [--runs 3]

Prints one JSON object. Needs the `llama-cpp-python` package (built for this CPU, which is its
default). Run it in turn with `jeton bench --model MODEL.gguf --json`, with nothing else running:
`bench/side_by_side.sh` does.
"""

import argparse
import ctypes
import json
import statistics
import time

import llama_cpp


def batch_of(tokens, first_position):
    """A llama.cpp batch of one sequence that wants the logits of its last token."""
    batch = llama_cpp.llama_batch_init(len(tokens), 0, 1)
    batch.n_tokens = len(tokens)
    for index, token in enumerate(tokens):
        batch.token[index] = token
        batch.pos[index] = first_position + index
        batch.n_seq_id[index] = 1
        batch.seq_id[index][0] = 0
        batch.logits[index] = index == len(tokens) - 1
    return batch


def seconds_to_decode(context, tokens, first_position):
    """Wall time of one llama_decode call, its result synchronized."""
    batch = batch_of(tokens, first_position)
    start = time.perf_counter()
    status = llama_cpp.llama_decode(context, batch)
    llama_cpp.llama_synchronize(context)
    seconds = time.perf_counter() - start
    llama_cpp.llama_batch_free(batch)
    if status != 0:
        raise SystemExit(f"llama_decode failed with {status}")
    return seconds


def measure(model, threads, prefill, decode):
    """Tokens per second of one prompt of `prefill` tokens and of `decode` single tokens after it."""
    params = llama_cpp.llama_context_default_params()
    params.n_ctx = prefill + decode + 16
    params.n_batch = max(prefill, 512)
    params.n_ubatch = 512
    params.n_threads = threads
    params.n_threads_batch = threads
    context = llama_cpp.llama_init_from_model(model, params)
    tokens = [(7 * index) % 1000 + 10 for index in range(prefill)]
    seconds_to_decode(context, tokens[:8], 0)
    llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(context), True)
    prefill_seconds = seconds_to_decode(context, tokens, 0)
    decode_seconds = sum(
        seconds_to_decode(context, [100 + step % 50], prefill + step) for step in range(decode)
    )
    llama_cpp.llama_free(context)
    return prefill / prefill_seconds, decode / decode_seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--prefill", type=int, default=512)
    parser.add_argument("--decode", type=int, default=128)
    parser.add_argument("--runs", type=int, default=3)
    args = parser.parse_args()

    silent = llama_cpp.llama_log_callback(lambda level, text, data: None)
    llama_cpp.llama_log_set(silent, ctypes.c_void_p(0))
    llama_cpp.llama_backend_init()
    model = llama_cpp.llama_model_load_from_file(
        args.model.encode(), llama_cpp.llama_model_default_params()
    )
    if not model:
        raise SystemExit(f"{args.model}: llama.cpp cannot load it")
    runs = [measure(model, args.threads, args.prefill, args.decode) for _ in range(args.runs)]
    print(
        json.dumps(
            {
                "engine": f"llama.cpp (llama-cpp-python {llama_cpp.__version__})",
                "model": args.model,
                "threads": args.threads,
                "prefill_tokens": args.prefill,
                "decode_tokens": args.decode,
                "prefill_tokens_per_second": statistics.median(run[0] for run in runs),
                "decode_tokens_per_second": statistics.median(run[1] for run in runs),
                "runs": runs,
            }
        )
    )


if __name__ == "__main__":
    main()
