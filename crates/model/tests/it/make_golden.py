#!/usr/bin/env python3
"""Logits of llama.cpp for the quantized test models, as golden values.

    JETON_WRITE_QUANTIZED=DIR cargo test -p model --test it quantized
    python3 crates/model/tests/it/make_golden.py DIR > crates/model/tests/data/golden_llama_cpp.json

Needs the `llama-cpp-python` package. One thread, key-value memory in F32, no flash attention: what
is compared is the arithmetic of the weight types and nothing else.
"""

import ctypes
import hashlib
import json
import pathlib
import sys

import llama_cpp

PROMPT = [3, 41, 7, 7, 60, 22, 15, 33, 0, 58, 9, 27]


def logits_of(path):
    """One row of logits per prompt token, rounded to 7 significant digits."""
    model_params = llama_cpp.llama_model_default_params()
    model = llama_cpp.llama_model_load_from_file(str(path).encode(), model_params)
    if not model:
        raise SystemExit(f"{path}: llama.cpp cannot load it")
    params = llama_cpp.llama_context_default_params()
    params.n_ctx = 64
    params.n_threads = params.n_threads_batch = 1
    params.type_k = params.type_v = 0  # GGML_TYPE_F32
    params.flash_attn_type = 0  # off
    context = llama_cpp.llama_init_from_model(model, params)
    batch = llama_cpp.llama_batch_init(len(PROMPT), 0, 1)
    batch.n_tokens = len(PROMPT)
    for index, token in enumerate(PROMPT):
        batch.token[index], batch.pos[index] = token, index
        batch.n_seq_id[index], batch.seq_id[index][0], batch.logits[index] = 1, 0, True
    if llama_cpp.llama_decode(context, batch) != 0:
        raise SystemExit(f"{path}: llama_decode failed")
    vocab = llama_cpp.llama_vocab_n_tokens(llama_cpp.llama_model_get_vocab(model))
    rows = []
    for index in range(len(PROMPT)):
        row = llama_cpp.llama_get_logits_ith(context, index)
        rows.append([float(f"{row[column]:.7g}") for column in range(vocab)])
    llama_cpp.llama_batch_free(batch)
    llama_cpp.llama_free(context)
    llama_cpp.llama_model_free(model)
    return rows


def main():
    silent = llama_cpp.llama_log_callback(lambda level, text, data: None)
    llama_cpp.llama_log_set(silent, ctypes.c_void_p(0))
    llama_cpp.llama_backend_init()
    files = {}
    for path in sorted(pathlib.Path(sys.argv[1]).glob("*.gguf")):
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        files[path.stem] = {"sha256": digest, "logits": logits_of(path)}
    engine = f"llama.cpp of llama-cpp-python {llama_cpp.__version__}"
    print(json.dumps({"engine": engine, "prompt": PROMPT, "files": files}, separators=(",", ":")))


if __name__ == "__main__":
    main()
