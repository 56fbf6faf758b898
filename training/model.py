"""The Qwen3 forward pass in plain PyTorch.

Written out instead of imported so that a reader can see every operation the
Rust engine has to repeat: RMSNorm, grouped-query attention with normalised
queries and keys, rotary positions in the "two halves" layout, SwiGLU, and an
output layer that shares the embedding matrix.
"""

from dataclasses import asdict, dataclass

import torch
import torch.nn as nn
import torch.nn.functional as F


@dataclass
class Config:
    """Shape of the model. Every width is a multiple of 64 so Q8_0 blocks fit."""

    vocab_size: int = 3072
    hidden: int = 256
    layers: int = 4
    heads: int = 4
    kv_heads: int = 2
    head_dim: int = 64
    ffn: int = 640
    context: int = 1024
    rope_theta: float = 10000.0
    eps: float = 1e-6

    def to_dict(self):
        return asdict(self)


class RMSNorm(nn.Module):
    """Scale to unit root mean square, then by a learned weight.

    The F.rms_norm kernel would do; spelling it out keeps the float32
    accumulation visible, which is what the engine has to match.
    """

    def __init__(self, width, eps):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x):
        wide = x.float()
        scale = torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + self.eps)
        return (wide * scale * self.weight).to(x.dtype)


def rope_tables(config, positions):
    """Cosine and sine for each position, one column per pair of dimensions."""
    half = config.head_dim // 2
    steps = torch.arange(half, device=positions.device, dtype=torch.float32)
    frequency = config.rope_theta ** (-steps / half)
    angle = positions.float()[:, None] * frequency[None, :]
    return angle.cos(), angle.sin()


def rotate(x, cos, sin):
    """Turn each (first half, second half) pair by its position's angle."""
    cos, sin = cos.to(x.dtype), sin.to(x.dtype)
    a, b = x.chunk(2, dim=-1)
    return torch.cat((a * cos - b * sin, b * cos + a * sin), dim=-1)


class Attention(nn.Module):
    """Grouped-query attention with per-head norms on queries and keys."""

    def __init__(self, c):
        super().__init__()
        self.c = c
        self.q_proj = nn.Linear(c.hidden, c.heads * c.head_dim, bias=False)
        self.k_proj = nn.Linear(c.hidden, c.kv_heads * c.head_dim, bias=False)
        self.v_proj = nn.Linear(c.hidden, c.kv_heads * c.head_dim, bias=False)
        self.o_proj = nn.Linear(c.heads * c.head_dim, c.hidden, bias=False)
        self.q_norm = RMSNorm(c.head_dim, c.eps)
        self.k_norm = RMSNorm(c.head_dim, c.eps)

    def forward(self, x, cos, sin, cache=None):
        c, (rows, steps, _) = self.c, x.shape
        q = self.q_norm(self.q_proj(x).view(rows, steps, c.heads, c.head_dim)).transpose(1, 2)
        k = self.k_norm(self.k_proj(x).view(rows, steps, c.kv_heads, c.head_dim)).transpose(1, 2)
        v = self.v_proj(x).view(rows, steps, c.kv_heads, c.head_dim).transpose(1, 2)
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        mask = None
        if cache is not None:
            k, v, mask = cache.extend(self, k, v)
        group = c.heads // c.kv_heads
        if steps == 1:
            # One new token: the queries that share a key head take the place of steps.
            q = q.reshape(rows, c.kv_heads, group, c.head_dim)
            y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
            return self.o_proj(y.reshape(rows, 1, -1))
        k, v = k.repeat_interleave(group, dim=1), v.repeat_interleave(group, dim=1)
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=cache is None)
        return self.o_proj(y.transpose(1, 2).reshape(rows, steps, -1))


class Mlp(nn.Module):
    """SwiGLU: a gate decides how much of each hidden feature passes."""

    def __init__(self, c):
        super().__init__()
        self.gate_proj = nn.Linear(c.hidden, c.ffn, bias=False)
        self.up_proj = nn.Linear(c.hidden, c.ffn, bias=False)
        self.down_proj = nn.Linear(c.ffn, c.hidden, bias=False)

    def forward(self, x):
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Block(nn.Module):
    """One layer: attention, then the MLP, each added to the stream."""

    def __init__(self, c):
        super().__init__()
        self.input_layernorm = RMSNorm(c.hidden, c.eps)
        self.self_attn = Attention(c)
        self.post_attention_layernorm = RMSNorm(c.hidden, c.eps)
        self.mlp = Mlp(c)

    def forward(self, x, cos, sin, cache=None):
        x = x + self.self_attn(self.input_layernorm(x), cos, sin, cache)
        return x + self.mlp(self.post_attention_layernorm(x))


class Model(nn.Module):
    """Module names follow Transformers' Qwen3 so weights export one to one."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden)
        self.layers = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.norm = RMSNorm(config.hidden, config.eps)
        self.reset()

    def reset(self):
        """Small normal weights; the layers that write to the stream start at zero."""
        for name, weight in self.named_parameters():
            if weight.ndim < 2:
                continue
            if name.endswith(("o_proj.weight", "down_proj.weight")):
                nn.init.zeros_(weight)
            elif name.startswith("embed"):
                nn.init.normal_(weight, std=0.05)
            else:
                nn.init.normal_(weight, std=weight.shape[1] ** -0.5)

    def hidden_states(self, tokens, positions, cache=None):
        """The stream after the last norm, before it meets the vocabulary."""
        x = self.embed_tokens(tokens)
        if torch.is_autocast_enabled(x.device.type):
            x = x.to(torch.get_autocast_dtype(x.device.type))
        cos, sin = rope_tables(self.config, positions)
        for layer in self.layers:
            x = layer(x, cos, sin, cache)
        return self.norm(x)

    def forward(self, tokens, positions=None, cache=None):
        if positions is None:
            positions = torch.arange(tokens.shape[1], device=tokens.device)
        return F.linear(self.hidden_states(tokens, positions, cache), self.embed_tokens.weight)

    def parameter_count(self):
        return sum(p.numel() for p in self.parameters())
