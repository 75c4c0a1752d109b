"""The story books: read, split into training and held-out ones, turned into tokens and cut into rows."""

from __future__ import annotations

import json
import zipfile
from bisect import bisect_left
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

VOCABULARY = 5120
CONTEXT = 512
BOUNDARY = "<|story|>"

# Fairy tales of an editor, a story of an author whom the model knows by other books, and one of an author whom it
# does not know at all. No other book of the pack shares a passage with them.
HELD_OUT = ("The Violet Fairy Book", "The Enchanted Castle", "The Wind in the Willows")

# A word takes the space before it and its apostrophes; punctuation takes the line breaks after it, so that the end of
# a paragraph is one token.
PIECES = r" ?\p{L}+(?:'\p{L}+)*| ?\p{N}{1,3}| ?[^\s\p{L}\p{N}]+\n*|\n+| +"
SNAP = 48


@dataclass(frozen=True, kw_only=True)
class Book:
    """One book as plain text: a paragraph is one line, a blank line stands between paragraphs."""

    title: str
    author: str
    text: str


def load_books(data: Path) -> list[Book]:
    """Reads the stories pack under `data`, in the order of its metadata."""
    folder = data / "stories"
    rows = [json.loads(line) for line in (folder / "metadata.jsonl").read_text(encoding="utf8").splitlines()]
    with zipfile.ZipFile(folder / "texts.zip") as archive:
        return [
            Book(title=r["title"], author=r["author"], text=archive.read(f"texts/{r['file']}").decode().strip() + "\n\n")
            for r in rows
        ]


def split(books: list[Book]) -> tuple[list[Book], list[Book]]:
    """Training and held-out books; ValueError where a held-out one is missing or nothing is left to learn from."""
    if missing := set(HELD_OUT) - {book.title for book in books}:
        raise ValueError(f"the pack has no book called {', '.join(sorted(missing))}")
    training = [book for book in books if book.title not in HELD_OUT]
    if not training:
        raise ValueError("the pack has no book to learn from")
    return training, [book for book in books if book.title in HELD_OUT]


def describe(training: list[Book]) -> dict[str, Any]:
    """What facts.json says about the data."""
    million = sum(len(book.text) for book in training) / 1e6
    authors = list(dict.fromkeys(book.author for book in training))
    return {
        "title": "Words",
        "data": f"{len(training)} public-domain children's and adventure books in English, {million:.1f} M characters",
        "credits": f"Trained on public-domain books by {'; '.join(authors)}; files by the GITenberg project.",
        "licence": "Apache-2.0",
    }


def vocabulary(smoke: bool) -> int:
    """The tokenizer's size; a smoke run gets little more than the bytes."""
    return 320 if smoke else VOCABULARY


def load_tokenizer(folder: Path, books: list[Book], *, size: int):
    """The PreTrainedTokenizerFast in `folder`, trained and put there first where there is none."""
    from transformers import PreTrainedTokenizerFast

    if not (folder / "tokenizer.json").exists():
        train_tokenizer(books, size=size).save_pretrained(folder)
    return PreTrainedTokenizerFast.from_pretrained(folder)


def train_tokenizer(books: list[Book], *, size: int):
    """Byte-level BPE; the boundary token begins every text, and none ends it."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(PIECES), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=[BOUNDARY], show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    tokenizer.train_from_iterator((book.text for book in books), trainer)
    boundary = tokenizer.token_to_id(BOUNDARY)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BOUNDARY} $A", pair=f"{BOUNDARY} $A $B", special_tokens=[(BOUNDARY, boundary)],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token=BOUNDARY, eos_token=BOUNDARY, pad_token=BOUNDARY,
        model_max_length=CONTEXT, model_input_names=["input_ids", "attention_mask"], clean_up_tokenization_spaces=False,
    )


def encode(tokenizer, books: list[Book]) -> list[np.ndarray]:
    """Token ids of each book, without the boundary; (T,) int64 each."""
    encoded = tokenizer([book.text for book in books], add_special_tokens=False, verbose=False)
    return [np.array(ids, np.int64) for ids in encoded["input_ids"]]


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """The training tokens. tokens: all books in a row, each after a boundary; paragraphs: where a paragraph begins."""

    boundary: int
    tokens: np.ndarray
    paragraphs: list[int]


def load_corpus(tokenizer, books: list[Book]) -> Corpus:
    """Encodes the books and finds the paragraphs."""
    boundary = tokenizer.bos_token_id
    parts = [part for ids in encode(tokenizer, books) for part in (np.array([boundary]), ids)]
    tokens = np.concatenate([*parts, np.array([boundary])])
    ends = np.array([tokenizer.decode([i]).endswith("\n") for i in range(len(tokenizer))])
    return Corpus(boundary=boundary, tokens=tokens, paragraphs=(np.flatnonzero(ends[tokens]) + 1).tolist())


def starts(corpus: Corpus, *, length: int, seed: tuple[int, ...]) -> np.ndarray:
    """Where the rows of one pass begin, shuffled: each where the last one ended, or at a paragraph soon after."""
    rng = np.random.default_rng(seed)
    found, at = [], int(rng.integers(0, length))
    while at + length <= len(corpus.tokens):
        found.append(at)
        at += length
        nearest = bisect_left(corpus.paragraphs, at)
        if nearest < len(corpus.paragraphs) and corpus.paragraphs[nearest] - at <= SNAP:
            at = corpus.paragraphs[nearest]
    if not found:
        raise ValueError(f"the books hold {len(corpus.tokens)} tokens, too few for rows of {length}")
    return rng.permutation(np.array(found))


def rows(corpus: Corpus, begins: np.ndarray, *, length: int) -> np.ndarray:
    """Rows of a boundary token and `length` tokens after it; (B, length + 1) int64."""
    body = corpus.tokens[begins[:, None] + np.arange(length)]
    return np.concatenate([np.full((len(begins), 1), corpus.boundary), body], 1)


class Batches:
    """The batch of every step, the same after an interruption: passes over the books, each cut and shuffled anew."""

    def __init__(self, corpus: Corpus, *, seed: int) -> None:
        self.corpus, self.seed = corpus, seed
        self.key: tuple[int, int] | None = None
        self.order = np.empty(0, np.int64)

    def __call__(self, step: int, *, tokens: int, length: int) -> np.ndarray:
        """The rows of this step, (tokens // length, length + 1) int64; the last rows of a pass fill up from its first."""
        count = tokens // length
        passed = step * tokens // len(self.corpus.tokens)
        if self.key != (passed, length):
            self.key = (passed, length)
            self.order = starts(self.corpus, length=length, seed=(self.seed, passed, length))
        first = (step - -(-passed * len(self.corpus.tokens) // tokens)) * count
        return rows(self.corpus, np.take(self.order, np.arange(first, first + count), mode="wrap"), length=length)
