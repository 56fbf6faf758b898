"""Many prompts at once, greedily or drawn, with a cache of keys and values.

Prompts of different lengths are padded on the left and the padding is masked,
so every row sees exactly what it would see alone.
"""

import torch


class Cache:
    """Keys and values of all layers, and which of the slots are padding."""

    def __init__(self, visible):
        self.visible = visible
        self.stored = {}

    def extend(self, layer, k, v):
        """Append this step's keys and values; returns all of them and the mask."""
        if layer in self.stored:
            old_k, old_v = self.stored[layer]
            k, v = torch.cat((old_k, k), 2), torch.cat((old_v, v), 2)
        self.stored[layer] = (k, v)
        return k, v, self.mask(k.shape[2])

    def mask(self, total):
        """Row by row: causal, and blind to padding (but never blind to itself)."""
        new = self.visible.shape[1] - getattr(self, "seen", 0)
        where = torch.arange(total, device=self.visible.device)
        causal = where[None, :] <= where[total - new:, None]
        itself = where[None, :] == where[total - new:, None]
        return ((causal[None] & self.visible[:, None, :total]) | itself[None])[:, None]

    def keep(self, rows):
        """Drop finished rows, so that the last stragglers run quickly."""
        self.visible = self.visible[rows]
        self.stored = {layer: (k[rows], v[rows]) for layer, (k, v) in self.stored.items()}

    def grow(self):
        self.seen = self.visible.shape[1]
        column = torch.ones(self.visible.shape[0], 1, dtype=torch.bool, device=self.visible.device)
        self.visible = torch.cat((self.visible, column), 1)


def choose(logits, temperature, top_p, generator):
    """The likeliest token, or one drawn from the nucleus."""
    if temperature == 0:
        return logits.argmax(-1)
    probabilities, order = torch.softmax(logits / temperature, -1).sort(-1, descending=True)
    before = probabilities.cumsum(-1) - probabilities
    drawn = torch.multinomial(probabilities * (before < top_p), 1, generator=generator)
    return order.gather(-1, drawn)[:, 0]


@torch.no_grad()
def generate(model, prompts, limit, stop, pad, temperature=0.0, top_p=0.95, seed=1):
    """Lists of new token ids per prompt, the stop token included if it came."""
    device = next(model.parameters()).device
    generator = torch.Generator(device).manual_seed(seed)
    width = max(map(len, prompts))
    tokens = torch.tensor([[pad] * (width - len(p)) + p for p in prompts], device=device)
    visible = torch.tensor([[False] * (width - len(p)) + [True] * len(p) for p in prompts], device=device)
    cache, live, out = Cache(visible), list(range(len(prompts))), [[] for _ in prompts]
    positions = torch.arange(width, device=device)
    for step in range(limit):
        chosen = choose(model(tokens, positions, cache)[:, -1].float(), temperature, top_p, generator)
        for row, token in zip(live, chosen.tolist()):
            out[row].append(token)
        going = [i for i, token in enumerate(chosen.tolist()) if token != stop]
        if not going:
            break
        if len(going) < len(live):
            rows = torch.tensor(going, device=device)
            cache.keep(rows)
            chosen, live = chosen[rows], [live[i] for i in going]
        cache.grow()
        tokens, positions = chosen[:, None], positions[-1:] + 1
    return out


def run(model, tokenizer, texts, limit, stop, pad, batch=64, **sampling):
    """Generated text per prompt text, with its number of tokens, in batches."""
    results = []
    for start in range(0, len(texts), batch):
        prompts = [tokenizer.encode(t).ids for t in texts[start:start + batch]]
        results += generate(model, prompts, limit, stop, pad, seed=start + 1, **sampling)
    return results
