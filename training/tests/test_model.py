"""Template, tokenizer, model and file: each agrees with its other form."""

import itertools
import random
import tempfile
import unittest
from pathlib import Path

import jinja2
import torch

import export
import tokenizer as bpe
from corpus import mix
from corpus.chat import Conversation, prompt_text, reply_text
from data import Packer
from generate import generate
from model import Config, Model

SMALL = Config(vocab_size=512, hidden=64, layers=2, heads=2, kv_heads=1, head_dim=64, ffn=128, context=256)


def jinja(messages, **values):
    """The template as Transformers sets it up."""
    environment = jinja2.Environment(trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(bpe.TEMPLATE.read_text()).render(messages=messages, **values)


class Template(unittest.TestCase):
    def test_matches_the_trained_text(self):
        documents = (d for d in mix.stream(1) if isinstance(d, Conversation))
        for d in itertools.islice(documents, 300):
            asked = jinja(d.messages(False), add_generation_prompt=True, enable_thinking=d.thinking)
            self.assertEqual(asked, prompt_text(d))
            if d.thinking:
                self.assertEqual(jinja(d.messages()), asked + reply_text(d) + "\n")

    def test_thinking_is_on_by_default(self):
        text = jinja([{"role": "user", "content": "Hi"}], add_generation_prompt=True)
        self.assertTrue(text.endswith("<|im_start|>assistant\n"))

    def test_past_thoughts_are_dropped(self):
        text = jinja([{"role": "user", "content": "1+1="},
                      {"role": "assistant", "content": "<think>\nhm\n</think>\n\n2"},
                      {"role": "user", "content": "2+2="}], add_generation_prompt=True)
        self.assertNotIn("hm", text)
        self.assertIn("assistant\n2<|im_end|>", text)


class Whole(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        torch.set_num_threads(1)
        cls.folder = tempfile.TemporaryDirectory()
        cls.tokenizer = bpe.train(SMALL.vocab_size, seed=1, documents=300)
        bpe.save(cls.tokenizer, cls.folder.name, SMALL.context)
        torch.manual_seed(1)
        cls.model = Model(SMALL).eval()
        for p in cls.model.parameters():
            torch.nn.init.normal_(p, std=0.2)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def test_text_comes_back(self):
        for text in ("What is 347 + 285?\n", "<think>\n\n</think>\n\nÜber café, 東京 🙂", "  two  spaces\n\n\n"):
            ids = self.tokenizer.encode(text).ids
            self.assertEqual(self.tokenizer.decode(ids, skip_special_tokens=False), text)

    def test_rows_are_whole_and_weighted(self):
        packer = Packer(Path(self.folder.name) / "tokenizer.json", 1, 2048, 4096)
        for _ in range(10):
            inputs, targets, weights = packer.batch()
            self.assertEqual(inputs[:, 1:].tolist(), targets[:, :-1].tolist())
            self.assertTrue(0 < weights.mean() <= 1)

    def test_cache_and_padding_change_nothing(self):
        rng = random.Random(1)
        prompts = [[rng.randrange(400) for _ in range(n)] for n in (5, 17, 9)]
        together = generate(self.model, prompts, 12, stop=-1, pad=0)
        for prompt, found in zip(prompts, together):
            tokens = list(prompt)
            for _ in range(12):
                tokens.append(int(self.model(torch.tensor([tokens]))[0, -1].argmax()))
            self.assertEqual(found, tokens[len(prompt):])

    def test_gguf_gives_back_the_weights(self):
        path = Path(self.folder.name) / "tiny.gguf"
        weights = {k: v.detach() for k, v in self.model.state_dict().items()}
        export.write_gguf(path, SMALL, weights, self.folder.name)
        config, found = export.read_gguf(path)
        self.assertEqual((config.hidden, config.layers, config.context), (SMALL.hidden, SMALL.layers, SMALL.context))
        for name, weight in weights.items():
            worst = (weight - found[name]).abs().max().item()
            self.assertLess(worst, 1e-6 if weight.ndim == 1 else 0.01, name)

    def test_transformers_computes_the_same(self):
        from transformers import AutoModelForCausalLM
        ids = {t: self.tokenizer.token_to_id(t) for t in bpe.CONTROL}
        weights = {k: v.detach() for k, v in self.model.state_dict().items()}
        folder = Path(self.folder.name) / "hf"
        export.write_transformers(folder, SMALL, weights, self.folder.name, ids)
        theirs = AutoModelForCausalLM.from_pretrained(folder).eval()
        tokens = torch.arange(3, 60)[None]
        with torch.no_grad():
            self.assertLess((theirs(tokens).logits - self.model(tokens)).abs().max().item(), 1e-3)


if __name__ == "__main__":
    unittest.main()
