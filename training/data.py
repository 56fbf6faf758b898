"""From documents to batches: encode, weigh, pack.

Most documents are short, and attention costs more in long rows, so most rows
are short as well. Some rows are as long as the context, so that every position
is trained. Documents are packed whole and never continue in another row.

A part of the batches are drills: random tokens said twice, or short lines about
people whose names keep coming back. Only copying can predict them, and a model
that has not found out how to copy finds out within a hundred such batches.
"""

import random

import torch
from tokenizers import Tokenizer

from corpus import mix, repeat
from corpus.chat import TEXT_END, render

POOL = 192
DRILL_ROW = 64


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
        """A document that fits: the longest where room is short or rows are long, else any."""
        fitting = [i for i, (ids, _) in enumerate(self.pool) if len(ids) <= room]
        if not fitting:
            return None
        if longest or room < self.context // 8:
            return self.pool.pop(max(fitting, key=lambda i: len(self.pool[i][0])))
        return self.pool.pop(self.rng.choice(fitting))

    def length(self):
        """A quarter of the context, or more when too many long documents wait.

        Without the second rule they would fill the pool and starve the short rows.
        """
        self.refill()
        waiting = sum(len(ids) > self.context // 4 for ids, _ in self.pool)
        if waiting > POOL // 4:
            return self.context // self.rng.choice((1, 2, 2))
        return self.context // (1 if self.rng.random() < 0.03 else 4)

    def row(self, length):
        """One row of whole documents; what is left over at its end is not trained."""
        ids, weights = [], []
        while len(ids) < length:
            self.refill()
            document = self.take(length - len(ids), longest=length * 2 >= self.context)
            if document is None:
                break
            ids += document[0]
            weights += document[1]
        pad = length + 1 - len(ids)
        return ids + [self.end] * pad, weights + [0.0] * pad

    def batch(self):
        """(inputs, targets, target weights), each rows by length."""
        length = self.length()
        rows = [self.row(length) for _ in range(max(1, self.batch_tokens // length))]
        ids = torch.tensor([r[0] for r in rows])
        weights = torch.tensor([r[1] for r in rows])
        return ids[:, :-1], ids[:, 1:], weights[:, 1:]

    def drill(self):
        """A small batch of copying: random tokens said twice, or lines full of names."""
        rows, half = max(1, self.batch_tokens // 2 // DRILL_ROW), DRILL_ROW // 2
        if self.rng.random() < 0.6:
            texts = [self.tokenizer.encode(" " + repeat.name_lines(self.rng)).ids for _ in range(rows)]
            ids = torch.tensor([(t + [self.end] * DRILL_ROW)[:DRILL_ROW] for t in texts])
            return ids[:, :-1], ids[:, 1:], (ids[:, 1:] != self.end).float()
        first = torch.tensor([[self.rng.randrange(self.end) for _ in range(half)] for _ in range(rows)])
        ids = torch.cat((first, first), 1)
        weights = torch.zeros(rows, DRILL_ROW)
        weights[:, half:] = 1.0
        return ids[:, :-1], ids[:, 1:], weights[:, 1:]
