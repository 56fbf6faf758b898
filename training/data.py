"""From documents to batches: encode, weigh, pack.

Most documents are short, and attention costs more in long rows, so most rows
are short as well. Some rows are as long as the context, so that every position
is trained. Documents are packed whole and never continue in another row.
"""

import random

import torch
from tokenizers import Tokenizer

from corpus import mix
from corpus.chat import TEXT_END, render

# Row length as a part of the context, and the share of batches that use it.
ROW_PARTS = ((4, 0.82), (2, 0.12), (1, 0.06))
POOL = 96


class Packer:
    """An endless supply of batches of about `batch_tokens` tokens."""

    def __init__(self, tokenizer_path, seed, context, batch_tokens):
        self.tokenizer = Tokenizer.from_file(str(tokenizer_path))
        self.end = self.tokenizer.token_to_id(TEXT_END)
        self.documents = mix.stream(seed)
        self.rng = random.Random(f"packing {seed}")
        self.context, self.batch_tokens = context, batch_tokens
        self.pool = []

    def encode(self, document):
        """Ids and the weight of each id as a target, an end mark included."""
        ids, weights = [], []
        for text, weight in render(document):
            piece = self.tokenizer.encode(text).ids
            ids += piece
            weights += [weight] * len(piece)
        if ids[-1] != self.end:
            ids, weights = ids + [self.end], weights + [0.0]
        return ids, weights

    def refill(self):
        while len(self.pool) < POOL:
            ids, weights = self.encode(next(self.documents))
            if len(ids) <= self.context:
                self.pool.append((ids, weights))

    def take(self, room, longest):
        """A document that fits: the longest to open a long row, else any."""
        fitting = [i for i, (ids, _) in enumerate(self.pool) if len(ids) <= room]
        if not fitting:
            return None
        if longest:
            return self.pool.pop(max(fitting, key=lambda i: len(self.pool[i][0])))
        return self.pool.pop(self.rng.choice(fitting))

    def row(self, length):
        """One row of whole documents; what is left over at its end is not trained."""
        ids, weights = [], []
        while len(ids) < length:
            self.refill()
            document = self.take(length - len(ids), longest=not ids and length * 2 >= self.context)
            if document is None:
                break
            ids += document[0]
            weights += document[1]
        pad = length + 1 - len(ids)
        return ids + [self.end] * pad, weights + [0.0] * pad

    def batch(self):
        """(inputs, targets, target weights), each rows by length."""
        part = self.rng.choices([p for p, _ in ROW_PARTS], [w for _, w in ROW_PARTS])[0]
        length = self.context // part
        rows = [self.row(length) for _ in range(max(1, self.batch_tokens // length))]
        ids = torch.tensor([r[0] for r in rows])
        weights = torch.tensor([r[1] for r in rows])
        return ids[:, :-1], ids[:, 1:], weights[:, 1:]
