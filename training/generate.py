"""Many prompts at once, greedily or drawn, with a cache of keys and values.

Prompts of different lengths are padded on the left and the padding is masked,
so every row sees exactly what it would see alone.
"""

import torch


class Cache:
    """Keys and values of all layers in room reserved once, and which slots are padding."""

    def __init__(self, visible, room):
        rows, self.filled = visible.shape
        self.visible = torch.ones(rows, room, dtype=torch.bool, device=visible.device)
        self.visible[:, :self.filled] = visible
        self.start, self.room, self.stored = 0, room, {}

    def extend(self, layer, k, v):
        """Put this step's keys and values in place; returns all so far and the mask."""
        if layer not in self.stored:
            shape = (k.shape[0], k.shape[1], self.room, k.shape[3])
            self.stored[layer] = (k.new_zeros(shape), v.new_zeros(shape))
        all_k, all_v = self.stored[layer]
        all_k[:, :, self.start:self.filled] = k
        all_v[:, :, self.start:self.filled] = v
        return all_k[:, :, :self.filled], all_v[:, :, :self.filled], self.mask()

    def mask(self):
        """Row by row: causal, and blind to padding (but never blind to itself)."""
        where = torch.arange(self.filled, device=self.visible.device)
        new = where[self.start:, None]
        causal, itself = where[None, :] <= new, where[None, :] == new
        return ((causal[None] & self.visible[:, None, :self.filled]) | itself[None])[:, None]

    def keep(self, rows):
        """Drop finished rows, so that the last stragglers run quickly."""
        self.visible = self.visible[rows]
        self.stored = {layer: (k[rows], v[rows]) for layer, (k, v) in self.stored.items()}

    def grow(self):
        """Room for one more token per row."""
        self.start, self.filled = self.filled, self.filled + 1


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
    cache, live, out = Cache(visible, width + limit), list(range(len(prompts))), [[] for _ in prompts]
    positions = torch.arange(width, device=device)
    done = set()
    for _ in range(limit):
        chosen = choose(model(tokens, positions, cache)[:, -1].float(), temperature, top_p, generator)
        for row, token in zip(live, chosen.tolist()):
            if row not in done:
                out[row].append(token)
            if token == stop:
                done.add(row)
        going = [i for i, row in enumerate(live) if row not in done]
        if not going:
            break
        if len(going) < 0.8 * len(live) or len(going) < len(live) <= 8:
            rows = torch.tensor(going, device=device)
            cache.keep(rows)
            chosen, live = chosen[rows], [live[i] for i in going]
        cache.grow()
        tokens, positions = chosen[:, None], positions[-1:] + 1
    return out


def run(model, tokenizer, texts, limit, stop, pad, batch=128, **sampling):
    """Generated text per prompt text, with its number of tokens, in batches."""
    results = []
    for start in range(0, len(texts), batch):
        prompts = [tokenizer.encode(t).ids for t in texts[start:start + batch]]
        results += generate(model, prompts, limit, stop, pad, seed=start + 1, **sampling)
    return results
