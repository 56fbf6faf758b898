"""Train the byte-level BPE and write it as a Transformers tokenizer folder.

The split rule is the one that GGUF readers know as `qwen2`: digits stand alone,
which makes column sums a matter of single tokens. No Unicode normalisation is
applied, so text always comes back byte for byte.
"""

import argparse
import itertools
import json
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from corpus import mix
from corpus.chat import END, START, TEXT_END, THINK_CLOSE, THINK_OPEN, render

QWEN2_SPLIT = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|"
               r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
CONTROL = [TEXT_END, START, END]
USER_DEFINED = [THINK_OPEN, THINK_CLOSE]
TEMPLATE = Path(__file__).parent / "corpus" / "chat_template.jinja"


def pieces(seed, count):
    """Corpus text without the marks, which get ids of their own."""
    for document in itertools.islice(mix.stream(seed), count):
        text = "".join(part for part, _ in render(document))
        for mark in CONTROL + USER_DEFINED:
            text = text.replace(mark, "\n")
        yield text


def train(vocab_size, seed, documents):
    """A tokenizer whose merges come from the corpus and whose marks come last."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(QWEN2_SPLIT), behavior="isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    marks = CONTROL + USER_DEFINED
    trainer = trainers.BpeTrainer(vocab_size=vocab_size - len(marks), show_progress=False, min_frequency=2,
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(pieces(seed, documents), trainer)
    tokenizer.add_special_tokens([AddedToken(t, special=True, normalized=False) for t in CONTROL])
    tokenizer.add_tokens([AddedToken(t, special=False, normalized=False) for t in USER_DEFINED])
    assert tokenizer.get_vocab_size() == vocab_size, "the corpus is too small for this vocabulary"
    return tokenizer


def save(tokenizer, folder, context):
    """`tokenizer.json` and its settings, as Transformers expects them."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": END, "pad_token": TEXT_END,
                "bos_token": None, "unk_token": None, "add_bos_token": False, "add_prefix_space": False,
                "clean_up_tokenization_spaces": False, "model_max_length": context,
                "chat_template": TEMPLATE.read_text()}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=2) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", required=True, help="folder for the tokenizer")
    parser.add_argument("--vocab-size", type=int, default=3072)
    parser.add_argument("--documents", type=int, default=40000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--context", type=int, default=1024)
    args = parser.parse_args()
    tokenizer = train(args.vocab_size, args.seed, args.documents)
    save(tokenizer, args.out, args.context)
    sample = list(pieces(args.seed + 1, 500))
    tokens = sum(len(tokenizer.encode(text).ids) for text in sample)
    print(f"{args.vocab_size} tokens, {sum(map(len, sample)) / tokens:.2f} characters per token")


if __name__ == "__main__":
    main()
