"""Write the trained weights as a Transformers folder and as a GGUF file.

The GGUF holds the matrices in Q8_0 (blocks of 32 with one scale) and the norms
in float32. The averaged weights of the checkpoint are the ones exported.
"""

import argparse
import json
import shutil
from pathlib import Path

import gguf
import numpy as np
import torch
from safetensors.torch import save_file

from corpus.chat import END, TEXT_END
from model import Config
from tokenizer import CONTROL, USER_DEFINED

NAME = "Jeton tiny"
# Mild sampling: enough freedom for stories, little enough to keep sums right.
SAMPLING = {"temperature": 0.7, "top_k": 40, "top_p": 0.95}

GGUF_NAMES = {
    "input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output", "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm", "post_attention_layernorm": "ffn_norm", "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
}


def gguf_name(name):
    """`layers.0.mlp.up_proj.weight` becomes `blk.0.ffn_up.weight`."""
    if name == "embed_tokens.weight":
        return "token_embd.weight"
    if name == "norm.weight":
        return "output_norm.weight"
    _, index, rest = name.split(".", 2)
    return f"blk.{index}.{GGUF_NAMES[rest.removesuffix('.weight')]}.weight"


def load(path):
    """(config, averaged weights) of a checkpoint."""
    saved = torch.load(path, map_location="cpu", weights_only=True)
    return Config(**saved["config"]), {k: v.float().contiguous() for k, v in saved["average"].items()}


def transformers_config(c, ids):
    return {
        "architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "vocab_size": c.vocab_size,
        "hidden_size": c.hidden, "num_hidden_layers": c.layers, "num_attention_heads": c.heads,
        "num_key_value_heads": c.kv_heads, "head_dim": c.head_dim, "intermediate_size": c.ffn,
        "max_position_embeddings": c.context, "rope_theta": c.rope_theta, "rms_norm_eps": c.eps,
        "hidden_act": "silu", "attention_bias": False, "attention_dropout": 0.0, "tie_word_embeddings": True,
        "use_sliding_window": False, "bos_token_id": None, "eos_token_id": ids[END], "pad_token_id": ids[TEXT_END],
        "torch_dtype": "float32",
    }


def write_transformers(folder, c, weights, tokenizer, ids):
    """Config, weights and tokenizer, loadable as Qwen3ForCausalLM."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for file in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(Path(tokenizer) / file, folder / file)
    (folder / "config.json").write_text(json.dumps(transformers_config(c, ids), indent=2) + "\n")
    generation = {"do_sample": True, "eos_token_id": [ids[END], ids[TEXT_END]], "pad_token_id": ids[TEXT_END], **SAMPLING}
    (folder / "generation_config.json").write_text(json.dumps(generation, indent=2) + "\n")
    save_file({f"model.{k}": v for k, v in weights.items()}, folder / "model.safetensors", metadata={"format": "pt"})


def write_shape(writer, c, count):
    """The keys that say what the model is and how it is built."""
    writer.add_name(NAME)
    writer.add_basename("jeton-tiny")
    writer.add_description("A very small language model, made from nothing, for trying out Jeton.")
    writer.add_license("apache-2.0")
    writer.add_size_label(f"{count / 1e6:.1f}M")
    writer.add_context_length(c.context)
    writer.add_embedding_length(c.hidden)
    writer.add_block_count(c.layers)
    writer.add_feed_forward_length(c.ffn)
    writer.add_head_count(c.heads)
    writer.add_head_count_kv(c.kv_heads)
    writer.add_key_length(c.head_dim)
    writer.add_value_length(c.head_dim)
    writer.add_layer_norm_rms_eps(c.eps)
    writer.add_rope_freq_base(c.rope_theta)
    writer.add_vocab_size(c.vocab_size)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    writer.add_sampling_temp(SAMPLING["temperature"])
    writer.add_sampling_top_k(SAMPLING["top_k"])
    writer.add_sampling_top_p(SAMPLING["top_p"])


def write_tokenizer(writer, tokenizer):
    """Vocabulary, merges, marks and the chat template."""
    stored = json.loads((Path(tokenizer) / "tokenizer.json").read_text())
    settings = json.loads((Path(tokenizer) / "tokenizer_config.json").read_text())
    ids = {**stored["model"]["vocab"], **{t["content"]: t["id"] for t in stored["added_tokens"]}}
    tokens = sorted(ids, key=ids.get)
    kinds = {**{t: gguf.TokenType.CONTROL for t in CONTROL}, **{t: gguf.TokenType.USER_DEFINED for t in USER_DEFINED}}
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(tokens)
    writer.add_token_types([kinds.get(t, gguf.TokenType.NORMAL) for t in tokens])
    writer.add_token_merges([m if isinstance(m, str) else " ".join(m) for m in stored["model"]["merges"]])
    writer.add_eos_token_id(ids[END])
    writer.add_pad_token_id(ids[TEXT_END])
    writer.add_add_bos_token(False)
    writer.add_chat_template(settings["chat_template"])


def write_gguf(path, c, weights, tokenizer):
    """One file with everything a runtime needs."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    writer = gguf.GGUFWriter(str(path), "qwen3")
    write_shape(writer, c, sum(w.numel() for w in weights.values()))
    write_tokenizer(writer, tokenizer)
    for name, weight in weights.items():
        values = weight.numpy().astype(np.float32)
        if values.ndim == 2:
            blocks = gguf.quants.quantize(values, gguf.GGMLQuantizationType.Q8_0)
            writer.add_tensor(gguf_name(name), blocks, raw_dtype=gguf.GGMLQuantizationType.Q8_0)
        else:
            writer.add_tensor(gguf_name(name), values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def read_gguf(path):
    """(config, weights) of a GGUF written above, matrices back in float32."""
    reader = gguf.GGUFReader(str(path))
    names = {gguf_name(n): n for n in all_names(int(field(reader, "qwen3.block_count")))}
    weights = {names[t.name]: torch.from_numpy(gguf.quants.dequantize(t.data, t.tensor_type).copy())
               for t in reader.tensors}
    config = Config(
        vocab_size=weights["embed_tokens.weight"].shape[0], hidden=int(field(reader, "qwen3.embedding_length")),
        layers=int(field(reader, "qwen3.block_count")), heads=int(field(reader, "qwen3.attention.head_count")),
        kv_heads=int(field(reader, "qwen3.attention.head_count_kv")),
        head_dim=int(field(reader, "qwen3.attention.key_length")), ffn=int(field(reader, "qwen3.feed_forward_length")),
        context=int(field(reader, "qwen3.context_length")), rope_theta=float(field(reader, "qwen3.rope.freq_base")),
        eps=float(field(reader, "qwen3.attention.layer_norm_rms_epsilon")))
    return config, weights


def field(reader, key):
    return reader.get_field(key).contents()


def all_names(layers):
    """Every weight's name in the PyTorch model."""
    inner = [f"layers.{i}.{part}.weight" for i in range(layers) for part in GGUF_NAMES]
    return ["embed_tokens.weight", "norm.weight"] + inner


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--checkpoint", required=True)
    parser.add_argument("--tokenizer", required=True, help="folder written by tokenizer.py")
    parser.add_argument("--transformers", help="folder for the Transformers form")
    parser.add_argument("--gguf", help="path of the GGUF file")
    args = parser.parse_args()
    config, weights = load(args.checkpoint)
    stored = json.loads((Path(args.tokenizer) / "tokenizer.json").read_text())
    ids = {t["content"]: t["id"] for t in stored["added_tokens"]}
    if args.transformers:
        write_transformers(args.transformers, config, weights, args.tokenizer, ids)
    if args.gguf:
        write_gguf(args.gguf, config, weights, args.tokenizer)
        print(f"{args.gguf}: {Path(args.gguf).stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
