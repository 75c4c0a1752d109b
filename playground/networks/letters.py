"""From a word's letters to its phones: a small network that reads the whole word and says a few phones for each letter.

Each letter gets FRAMES places for phones or for nothing, and training finds which of them to use (connectionist temporal
classification, Graves et al., 2006). It knows small letters alone, and nothing of the words around.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

ALPHABET = "abcdefghijklmnopqrstuvwxyz"
FRAMES = 2  # places of a letter; "x" needs two, no letter of a plain word more
WEIGHTS, SETTINGS = "letters.safetensors", "letters.json"
BLANK = 0


class Letters(nn.Module):
    """A convolution over neighbouring letters, then two recurrent layers both ways.

    Takes letters (B, T) int64, 1..26 and 0 behind a word's end, and lengths (B,); gives the logarithms of probabilities
    (B, FRAMES * T, 1 + phones), the first class being no phone.
    """

    def __init__(self, *, phones: Sequence[str], width: int = 128, layers: int = 2, dropout: float = 0.0) -> None:
        super().__init__()
        self.phones, self.width, self.layers = tuple(phones), width, layers
        self.embedding = nn.Embedding(1 + len(ALPHABET), width, padding_idx=0)
        self.near = nn.Conv1d(width, width, 5, padding=2)
        self.around = nn.GRU(
            width, width, layers, batch_first=True, bidirectional=True, dropout=dropout if layers > 1 else 0.0,
        )
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(2 * width, FRAMES * (1 + len(self.phones)))

    def forward(self, letters: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        embedded = self.embedding(letters)  # (B, T, width)
        features = embedded + F.gelu(self.near(embedded.mT).mT)
        packed = nn.utils.rnn.pack_padded_sequence(
            self.dropout(features), lengths.cpu(), batch_first=True, enforce_sorted=False,
        )
        around, _ = nn.utils.rnn.pad_packed_sequence(self.around(packed)[0], batch_first=True, total_length=letters.shape[1])
        scores = self.head(self.dropout(around))  # (B, T, FRAMES * classes)
        return scores.reshape(len(letters), -1, 1 + len(self.phones)).log_softmax(-1)

    @torch.inference_mode()
    def say(self, words: Sequence[str]) -> list[tuple[str, ...]]:
        """The likeliest phones of each word; all that is no letter is passed over, and a word without one has none."""
        spelt = ["".join(c for c in word.lower() if c in ALPHABET) for word in words]
        filled = [index for index, word in enumerate(spelt) if word]
        said: list[tuple[str, ...]] = [()] * len(spelt)
        if not filled:
            return said
        letters, lengths = ids_of([spelt[index] for index in filled])
        device = self.embedding.weight.device
        best = self(letters.to(device), lengths).argmax(-1).cpu()  # (B, FRAMES * T)
        for index, row, length in zip(filled, best.tolist(), lengths.tolist(), strict=True):
            said[index] = self.read(row[:FRAMES * length])
        return said

    def read(self, places: Sequence[int]) -> tuple[str, ...]:
        """The phones of a row of classes: one class twice in a row is one phone."""
        pairs = pairwise((BLANK, *places))
        return tuple(self.phones[place - 1] for before, place in pairs if place not in (BLANK, before))


def ids_of(words: Sequence[str]) -> tuple[torch.Tensor, torch.Tensor]:
    """Words of ALPHABET as letters (B, T) and lengths (B,)."""
    lengths = torch.tensor([len(word) for word in words])
    letters = torch.zeros(len(words), int(lengths.max()), dtype=torch.long)
    for row, word in zip(letters, words, strict=True):
        row[:len(word)] = torch.tensor([1 + ALPHABET.index(c) for c in word])
    return letters, lengths


def save(network: Letters, folder: Path) -> None:
    """Writes the weights in half precision, and the settings beside them."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    save_file({k: v.detach().cpu().half().contiguous() for k, v in network.state_dict().items()}, folder / WEIGHTS)
    settings = {"phones": network.phones, "width": network.width, "layers": network.layers}
    (folder / SETTINGS).write_text(json.dumps(settings) + "\n", encoding="utf8")


def load(folder: Path) -> Letters:
    """Reads what `save` wrote, as fp32 for use."""
    from safetensors.torch import load_file

    network = Letters(**json.loads((folder / SETTINGS).read_text(encoding="utf8")))
    network.load_state_dict({k: v.float() for k, v in load_file(folder / WEIGHTS).items()})
    return network.eval()
