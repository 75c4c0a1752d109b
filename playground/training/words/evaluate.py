"""What the written text model is worth: bits per byte on books that it never saw, and samples from fixed prompts."""

from __future__ import annotations

import math

from playground.training.recipe import Options, autocast, say, write_facts
from playground.training.words import data

PROMPTS = ("Once upon a time there was a king who", "The little girl opened the door, and", '"Who are you?" asked the')
SAMPLE_SEED = 1
STRIDE = data.CONTEXT // 2
BATCH = 4


def windows(count: int, *, context: int, stride: int) -> list[tuple[int, int, int]]:
    """Cuts `count` tokens into (begin, first scored, end): each token is scored once, with context - stride before it."""
    cuts, scored = [], 0
    while scored < count:
        end = min(count, context if scored == 0 else scored + stride)
        cuts.append((max(0, end - context), scored, end))
        scored = end
    return cuts


def bits(model, ids, *, boundary: int, stride: int = STRIDE) -> float:
    """The code length of the tokens `ids` (T,) in bits; every window begins with the boundary token."""
    import torch

    device = model.device
    cuts = windows(len(ids), context=model.config.max_position_embeddings, stride=stride)
    total = 0.0
    for at in range(0, len(cuts), BATCH):
        part = cuts[at:at + BATCH]
        width = max(end - begin for begin, _, end in part)
        rows = torch.full((len(part), width + 1), boundary)
        counted = torch.zeros(len(part), width, dtype=torch.bool)
        for row, (begin, scored, end) in enumerate(part):
            rows[row, 1:end - begin + 1] = torch.as_tensor(ids[begin:end])
            counted[row, scored - begin:end - begin] = True
        rows, counted = rows.to(device), counted.to(device)
        with torch.inference_mode(), autocast(device.type):
            hidden = model.model(rows[:, :-1], use_cache=False).last_hidden_state[counted]  # (scored, C)
        with torch.inference_mode():
            for states, targets in zip(hidden.split(512), rows[:, 1:][counted].split(512), strict=True):
                logits = model.lm_head(states.to(model.dtype)).float()
                total += torch.nn.functional.cross_entropy(logits, targets, reduction="sum").item()
    return total / math.log(2)


def bits_per_byte(model, tokenizer, book: data.Book) -> tuple[float, int]:
    """The book's code length in bits, and its UTF-8 bytes."""
    ids = data.encode(tokenizer, [book])[0]
    return bits(model, ids, boundary=tokenizer.bos_token_id), len(book.text.encode())


def samples(model, tokenizer) -> list[dict[str, str]]:
    """The first answer to each prompt, with one fixed seed for all and the model's own settings; none is picked out."""
    import torch

    torch.manual_seed(SAMPLE_SEED)
    found = []
    for prompt in PROMPTS:
        inputs = tokenizer(prompt, return_tensors="pt").to(model.device)
        with torch.inference_mode():
            output = model.generate(**inputs, max_new_tokens=120)
        found.append({"prompt": prompt, "text": tokenizer.decode(output[0], skip_special_tokens=True)})
    return found


def write(options: Options, held_out: list[data.Book]) -> None:
    """Loads the folder as any visitor would, measures it and adds the measures to its facts."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(options.out)
    model = AutoModelForCausalLM.from_pretrained(options.out, dtype=torch.float32).to(options.device).eval()
    books = [data.Book(title=b.title, author=b.author, text=b.text[:4000]) for b in held_out] if options.smoke else held_out
    per_book, total, size = {}, 0.0, 0
    for book in books:
        length, count = bits_per_byte(model, tokenizer, book)
        per_book[book.title] = round(length / count, 4)
        total, size = total + length, size + count
        say(f"{book.title}: {length / count:.4f} bits per byte")
    measures = {
        "held_out_books": list(per_book), "bits_per_byte": round(total / size, 4), "bits_per_byte_by_book": per_book,
    }
    write_facts(options.out, {"measures": measures, "samples": samples(model, tokenizer), "sample_seed": SAMPLE_SEED})
    say(f"evaluated: {total / size:.4f} bits per byte over {size} bytes")
