#!/usr/bin/env python3
"""Makes the tiny random models under tests/data, with the logits that Transformers gives for them.

Each folder is an ordinary checkpoint (config.json, model.safetensors), `expected.safetensors` with
prompt ids, logits of every position and a greedy continuation, and for some families the same
weights as model.gguf. Weights are random but not flat: norms, biases and logits matter, windows are
shorter than the prompts, rope bands are all used. Logits are computed in float64.

    python make_tiny_models.py [--only NAME] [--check-llama-cpp]

Needs torch, transformers 5, safetensors, gguf; llama-cpp-python for the check.
"""

import argparse
import json
import math
import pathlib
import tempfile
import zlib

import gguf
import numpy as np
import torch
import transformers as tf
from safetensors.torch import save_file

DATA = pathlib.Path(__file__).parent / "data"
# Compared with llama.cpp beside those whose GGUF is kept.
CHECKED = {"llama", "qwen2", "qwen3", "gpt2"}
VOCAB = 64
PROMPT, GREEDY = 24, 12

SHARED = dict(
    vocab_size=VOCAB,
    hidden_size=32,
    intermediate_size=40,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    max_position_embeddings=256,
    bos_token_id=1,
    eos_token_id=2,
    pad_token_id=0,
)


def models():
    """(name, config, options): dtype stored, classic config layout, prompt length, gguf or not."""
    f16, bf16 = torch.float16, torch.bfloat16
    small = dict(SHARED, intermediate_size=24)
    yield "llama", tf.LlamaConfig(**small, head_dim=6, tie_word_embeddings=False), {}
    yield (
        "llama-biases-linear",
        tf.LlamaConfig(
            **SHARED,
            attention_bias=True,
            mlp_bias=True,
            tie_word_embeddings=True,
            head_dim=12,
            rope_parameters=dict(rope_type="linear", factor=3.0, rope_theta=500.0),
        ),
        dict(dtype=f16),
    )
    yield (
        "llama3-rope",
        tf.LlamaConfig(
            **SHARED,
            head_dim=16,
            tie_word_embeddings=True,
            rope_parameters=dict(
                rope_type="llama3",
                rope_theta=10000.0,
                factor=8.0,
                low_freq_factor=1.0,
                high_freq_factor=4.0,
                original_max_position_embeddings=64,
            ),
        ),
        dict(dtype=bf16, prompt=80, gguf=True),
    )
    yield (
        "mistral",
        tf.MistralConfig(**SHARED, sliding_window=8, tie_word_embeddings=False, head_dim=10),
        dict(dtype=bf16),
    )
    yield "qwen2", tf.Qwen2Config(**SHARED, tie_word_embeddings=True), dict(dtype=bf16)
    yield (
        "qwen2-window",
        tf.Qwen2Config(
            **SHARED, use_sliding_window=True, sliding_window=7, max_window_layers=1
        ),
        dict(dtype=bf16),
    )
    yield (
        "qwen3",
        tf.Qwen3Config(**SHARED, head_dim=12, tie_word_embeddings=True),
        dict(dtype=bf16, classic=False),
    )
    yield (
        "qwen3-yarn",
        tf.Qwen3Config(
            **dict(SHARED, max_position_embeddings=128),
            head_dim=16,
            tie_word_embeddings=True,
            rope_parameters=dict(
                rope_type="yarn",
                rope_theta=1000.0,
                factor=4.0,
                original_max_position_embeddings=32,
                beta_fast=2.0,
            ),
        ),
        dict(dtype=bf16, prompt=36),
    )
    moe = dict(num_experts=6, num_experts_per_tok=2, moe_intermediate_size=12, head_dim=8)
    yield (
        "qwen3-moe",
        tf.Qwen3MoeConfig(**SHARED, **moe, norm_topk_prob=True, decoder_sparse_step=1),
        dict(dtype=bf16, gguf=True),
    )
    yield (
        "qwen3-moe-mixed",
        tf.Qwen3MoeConfig(**SHARED, **moe, norm_topk_prob=False, mlp_only_layers=[0]),
        dict(dtype=bf16),
    )
    yield (
        "gpt2",
        tf.GPT2Config(
            vocab_size=VOCAB,
            n_positions=48,
            n_embd=32,
            n_layer=2,
            n_head=4,
            n_inner=40,
            bos_token_id=1,
            eos_token_id=2,
        ),
        dict(dtype=bf16),
    )
    gemma = dict(SHARED, num_hidden_layers=3, num_attention_heads=2, num_key_value_heads=1)
    yield (
        "gemma2",
        tf.Gemma2Config(
            **gemma,
            head_dim=12,
            query_pre_attn_scalar=12,
            sliding_window=6,
            attn_logit_softcapping=5.0,
            final_logit_softcapping=3.0,
        ),
        dict(dtype=bf16, gguf=True),
    )
    yield (
        "gemma3",
        tf.Gemma3TextConfig(
            **dict(gemma, num_hidden_layers=7, hidden_size=24, intermediate_size=24),
            head_dim=8,
            query_pre_attn_scalar=8,
            sliding_window=6,
            rope_parameters=dict(
                sliding_attention=dict(rope_type="default", rope_theta=100.0),
                full_attention=dict(rope_type="linear", factor=4.0, rope_theta=5000.0),
            ),
        ),
        dict(dtype=bf16, gguf=True),
    )
    phi = dict(
        SHARED,
        vocab_size=48,
        hidden_size=48,
        intermediate_size=24,
        num_attention_heads=3,
        num_key_value_heads=1,
    )
    yield (
        "phi3",
        tf.Phi3Config(
            **phi,
            original_max_position_embeddings=32,
            rope_parameters=dict(
                rope_type="longrope",
                rope_theta=100.0,
                partial_rotary_factor=0.75,
                original_max_position_embeddings=32,
                short_factor=[1.0, 1.1, 1.3, 1.2, 1.5, 1.4],
                long_factor=[1.0, 1.5, 3.0, 4.0, 6.0, 8.0],
            ),
            partial_rotary_factor=0.75,
            sliding_window=200,
            tie_word_embeddings=False,
        ),
        dict(dtype=bf16, prompt=18, long_prompt=40, gguf=True),
    )
    yield (
        "phi3-window",
        tf.Phi3Config(**phi, sliding_window=9, tie_word_embeddings=False),
        dict(dtype=f16),
    )


def randomize(model, seed):
    """Weights of size 1.2 / sqrt(inputs); norms 1 +- 0.3 (Gemma: 0 +- 0.3); biases +- 0.3."""
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in model.named_parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        if parameter.dim() == 1:
            gemma = model.config.model_type.startswith("gemma")
            start = 1.0 if "weight" in name and not gemma else 0.0
            value = start + 0.3 * noise
        elif "embed" in name or "wte" in name or "wpe" in name:
            value = 0.35 * noise
        else:
            conv1d = model.config.model_type == "gpt2"
            inputs = parameter.shape[0] if conv1d else parameter.shape[-1]
            value = 1.2 / math.sqrt(inputs) * noise
        parameter.data.copy_(value)


def classic_layout(config):
    """The rope fields as checkpoints had them before transformers 5, which most still do."""
    rope = config.pop("rope_parameters", None)
    if "dtype" in config:
        config["torch_dtype"] = config.pop("dtype")
    if rope is None:
        return config
    if "full_attention" in rope:
        full, local = rope["full_attention"], rope["sliding_attention"]
        config["rope_theta"] = full["rope_theta"]
        config["rope_local_base_freq"] = local["rope_theta"]
        if full["rope_type"] != "default":
            scaling = {"rope_type": full["rope_type"], "factor": full["factor"]}
            config["rope_scaling"] = scaling
        config["sliding_window_pattern"] = 6
        config.pop("layer_types", None)
        return config
    config["rope_theta"] = rope.pop("rope_theta")
    kind = rope.get("rope_type", "default")
    rope.pop("partial_rotary_factor", None)
    if kind == "longrope":
        factors = {key: rope[key] for key in ("short_factor", "long_factor")}
        rope = {"type": kind} | factors
    config["rope_scaling"] = None if kind == "default" else rope
    if config["model_type"] in ("qwen2", "qwen3_moe"):
        config.pop("layer_types", None)
    return config


def expected_of(model, prompt):
    """Logits of every prompt position and the greedy continuation, each step from scratch."""
    ids = torch.tensor([prompt])
    with torch.no_grad():
        logits = model(ids, use_cache=False).logits[0]
        new_ids, margin = [], math.inf
        for _ in range(GREEDY):
            last = model(ids, use_cache=False).logits[0, -1]
            best = torch.topk(last, 2).values
            margin = min(margin, float(best[0] - best[1]))
            new_ids.append(int(last.argmax()))
            ids = torch.cat([ids, torch.tensor([[new_ids[-1]]])], dim=1)
    return logits, new_ids, margin


def tensors_of_case(model, suffix, prompt):
    logits, new_ids, margin = expected_of(model, prompt)
    print(f"    {suffix or 'prompt'}: |logit| up to {logits.abs().max():.2f}, margin {margin:.4f}")
    return {
        "prompt" + suffix: torch.tensor(prompt, dtype=torch.int32),
        "logits" + suffix: logits.to(torch.float32).contiguous(),
        "greedy" + suffix: torch.tensor(new_ids, dtype=torch.int32),
    }


def make(name, config, options):
    print(name)
    seed = zlib.crc32(name.encode())
    config._attn_implementation = "eager"
    model = tf.AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval()
    randomize(model, seed)
    dtype = options.get("dtype", torch.float32)
    model.to(dtype)
    folder = DATA / name
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    if options.get("classic", True):
        path = folder / "config.json"
        config_json = classic_layout(json.loads(path.read_text()))
        path.write_text(json.dumps(config_json, indent=2) + "\n")
    # What is judged is what was saved: read it back, then compute in float64.
    model = tf.AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float64, attn_implementation="eager", experts_implementation="eager"
    ).eval()
    rng = np.random.default_rng(seed)
    tensors = {}
    for suffix, key in (("", "prompt"), ("_long", "long_prompt")):
        length = options.get(key, PROMPT if key == "prompt" else 0)
        if length:
            prompt = rng.integers(3, config.vocab_size, length).tolist()
            tensors |= tensors_of_case(model, suffix, prompt)
    save_file(tensors, folder / "expected.safetensors")
    if options.get("gguf"):
        write_gguf(model, folder / "model.gguf", dtype)
    return model


ARCHITECTURES = {
    "llama": gguf.MODEL_ARCH.LLAMA,
    "qwen2": gguf.MODEL_ARCH.QWEN2,
    "qwen3": gguf.MODEL_ARCH.QWEN3,
    "qwen3_moe": gguf.MODEL_ARCH.QWEN3MOE,
    "gpt2": gguf.MODEL_ARCH.GPT2,
    "gemma2": gguf.MODEL_ARCH.GEMMA2,
    "gemma3_text": gguf.MODEL_ARCH.GEMMA3,
    "phi3": gguf.MODEL_ARCH.PHI3,
}


def write_gguf(model, path, dtype):
    """The same weights under GGUF's names and conventions, as llama.cpp's converter writes them."""
    config = model.config
    architecture = ARCHITECTURES[config.model_type]
    writer = gguf.GGUFWriter(path, gguf.MODEL_ARCH_NAMES[architecture])
    write_metadata(writer, config)
    write_rope(writer, config)
    names = gguf.get_tensor_name_map(architecture, config.num_hidden_layers)
    for name, tensor in gguf_tensors(model):
        mapped = names.get_name(name, try_suffixes=(".weight", ".bias"))
        if mapped is None:
            raise SystemExit(f"no GGUF name for {name}")
        write_tensor(writer, mapped, tensor, dtype)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def write_metadata(writer, config):
    writer.add_name("tiny")
    writer.add_vocab_size(config.vocab_size)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    heads = config.num_attention_heads
    writer.add_head_count(heads)
    # No vocabulary: these models are about numbers, not text.
    writer.add_tokenizer_model("no_vocab")
    if config.model_type == "gpt2":
        writer.add_feed_forward_length(config.n_inner)
        writer.add_layer_norm_eps(config.layer_norm_epsilon)
        return
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_head_count_kv(config.num_key_value_heads)
    head_dim = getattr(config, "head_dim", None) or config.hidden_size // heads
    if getattr(config, "head_dim", None):
        writer.add_key_length(head_dim)
        writer.add_value_length(head_dim)
    window = getattr(config, "sliding_window", None)
    if window and config.model_type in ("gemma2", "gemma3_text", "phi3"):
        writer.add_sliding_window(window)
    if config.model_type == "gemma2":
        writer.add_attn_logit_softcapping(config.attn_logit_softcapping)
        writer.add_final_logit_softcapping(config.final_logit_softcapping)
    if config.model_type == "qwen3_moe":
        writer.add_expert_count(config.num_experts)
        writer.add_expert_used_count(config.num_experts_per_tok)
        writer.add_expert_feed_forward_length(config.moe_intermediate_size)


def write_rope(writer, config):
    if config.model_type == "gpt2":
        return
    rope = config.rope_parameters
    head_dim = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    if config.model_type == "gemma3_text":
        full = rope["full_attention"]
        writer.add_rope_freq_base(full["rope_theta"])
        writer.add_float32("gemma3.rope.freq_base_swa", rope["sliding_attention"]["rope_theta"])
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(full["factor"])
        return
    writer.add_rope_freq_base(rope["rope_theta"])
    if config.model_type == "llama":
        writer.add_rope_dimension_count(head_dim)
    if rope["rope_type"] == "llama3":
        factors = llama3_factors(rope, head_dim)
        writer.add_tensor("rope_freqs.weight", np.array(list(factors), dtype=np.float32))
    if config.model_type == "phi3":
        original = rope["original_max_position_embeddings"]
        writer.add_rope_dimension_count(int(head_dim * rope["partial_rotary_factor"]))
        writer.add_rope_scaling_orig_ctx_len(original)
        scale = config.max_position_embeddings / original
        attn_factor = math.sqrt(1 + math.log(scale) / math.log(original))
        writer.add_rope_scaling_attn_factors(attn_factor)
        for kind in ("long", "short"):
            factors = np.array(rope[f"{kind}_factor"], dtype=np.float32)
            writer.add_tensor(f"rope_factors_{kind}.weight", factors)


def llama3_factors(rope, head_dim):
    """What each frequency is divided by (Llama 3.1's scaling, as GGUF stores it)."""
    original = rope["original_max_position_embeddings"]
    low, high = rope["low_freq_factor"], rope["high_freq_factor"]
    for index in range(head_dim // 2):
        wavelength = 2 * math.pi * rope["rope_theta"] ** (2 * index / head_dim)
        if wavelength < original / high:
            yield 1.0
        elif wavelength > original / low:
            yield rope["factor"]
        else:
            smooth = (original / wavelength - low) / (high - low)
            yield 1 / ((1 - smooth) / rope["factor"] + smooth)


def gguf_tensors(model):
    """(name, tensor) with the reorderings that GGUF asks for."""
    config = model.config
    state = dict(model.named_parameters())
    for name, tensor in state.items():
        tensor = tensor.detach()
        if name == "lm_head.weight" and config.tie_word_embeddings:
            continue
        if config.model_type.startswith("gemma") and name.endswith("norm.weight"):
            tensor = tensor + 1
        if config.model_type == "gpt2" and tensor.dim() == 2 and ".h." in name:
            tensor = tensor.T
        if config.model_type == "llama" and ("q_proj" in name or "k_proj" in name):
            heads = config.num_attention_heads if "q_proj" in name else config.num_key_value_heads
            tensor = interleave(tensor, heads)
        if name.endswith("experts.gate_up_proj"):
            gate, up = tensor.chunk(2, dim=1)
            yield name.replace("gate_up_proj", "gate_proj.weight"), gate
            yield name.replace("gate_up_proj", "up_proj.weight"), up
            continue
        if name.endswith("experts.down_proj"):
            name += ".weight"
        yield name, tensor


def interleave(tensor, heads):
    """Rows of a head from (half, pair) to (pair, half): GGUF llama rotates neighbours."""
    shape = tensor.shape
    halves = tensor.reshape(heads, 2, shape[0] // heads // 2, *shape[1:])
    return halves.swapaxes(1, 2).reshape(shape)


def write_tensor(writer, name, tensor, dtype):
    values = tensor.to(torch.float32).contiguous().numpy()
    kept_f32 = tensor.dim() == 1 or "ffn_gate_inp" in name or "position_embd" in name
    if kept_f32 or dtype == torch.float32:
        writer.add_tensor(name, values)
    elif dtype == torch.float16:
        writer.add_tensor(name, values.astype(np.float16))
    else:
        kind = gguf.GGMLQuantizationType.BF16
        writer.add_tensor(name, gguf.quants.quantize(values, kind), raw_dtype=kind)


def check_llama_cpp(model, folder):
    """Prints how far llama.cpp's logits are from the expected ones, with f32 weights and cache."""
    import llama_cpp
    from safetensors.numpy import load_file

    expected = load_file(folder / "expected.safetensors")
    path = pathlib.Path(tempfile.mkdtemp()) / "model-f32.gguf"
    write_gguf(model, path, torch.float32)
    # llama.cpp takes LongRoPE's short factors only for windows below the original one, and makes
    # no window as short as that of the tiny phi3: there the long prompt is what can be compared.
    suffix = "_long" if "prompt_long" in expected else ""
    prompt = expected["prompt" + suffix].tolist()
    llama = llama_cpp.Llama(
        str(path),
        n_ctx=256,
        logits_all=True,
        type_k=llama_cpp.GGML_TYPE_F32,
        type_v=llama_cpp.GGML_TYPE_F32,
        verbose=False,
    )
    llama.eval(prompt)
    error = np.abs(np.array(llama.scores[: len(prompt)]) - expected["logits" + suffix]).max()
    print(f"    llama.cpp: differs by {error:.2e}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--only")
    parser.add_argument("--check-llama-cpp", action="store_true")
    arguments = parser.parse_args()
    for name, config, options in models():
        if arguments.only in (None, name):
            model = make(name, config, options)
            if arguments.check_llama_cpp and (options.get("gguf") or name in CHECKED):
                check_llama_cpp(model, DATA / name)


if __name__ == "__main__":
    main()
