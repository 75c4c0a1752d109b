"""`python -m playground.bench --gpu`: pictures and tokens of large models' sizes, beside the plain libraries and the limits.

The networks have random weights and the published configs, so nothing is downloaded; text encoders have two layers only.
Every comparison is made in one run, in turns. A limit is what the device would take at its own measured speed of matrix
products (pictures) or of reading memory (tokens), with nothing else to do.
"""

from __future__ import annotations

import gc
import json
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from playground.catalog import ModelCard
from playground.device import Device
from playground.errors import PlaygroundError
from playground.requests import ACCELERATIONS, TextGenerationRequest, TextToImageRequest

PROMPT = "a red apple on a blue table by the window"


@dataclass(frozen=True, kw_only=True)
class Size:
    """A family of pictures. build: its pipeline, tiny or of full size; side: of the picture in pixels."""

    title: str
    build: Callable[[bool], Any]
    steps: int
    guidance_scale: float
    side: int = 1024


# 1. The pipelines, from the configs that their makers published.


def letters(kind: str, **more: Any) -> Any:
    """A tokenizer of single letters of one of transformers' classes."""
    import transformers
    from tokenizers import pre_tokenizers

    found = sorted(pre_tokenizers.ByteLevel.alphabet())
    if kind == "CLIPTokenizer":
        pieces = [*found, *(letter + "</w>" for letter in found), "<|startoftext|>", "<|endoftext|>"]
        return transformers.CLIPTokenizer(vocab={p: i for i, p in enumerate(pieces)}, merges=[], model_max_length=77)
    if kind == "T5Tokenizer":
        pieces = ["<pad>", "</s>", "<unk>", "▁", *"abcdefghijklmnopqrstuvwxyz"]
        vocabulary = [(piece, -float(i)) for i, piece in enumerate(pieces)]
        return transformers.T5Tokenizer(vocab=vocabulary, extra_ids=0, model_max_length=512)
    pieces = [*found, "<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    made = transformers.Qwen2Tokenizer(vocab={p: i for i, p in enumerate(pieces)}, merges=[])
    made.chat_template = "{% for m in messages %}<|im_start|>{{ m.content }}<|im_end|>{% endfor %}"
    return made


def clip(width: int, heads: int, *, projected: bool = False) -> Any:
    """A CLIP text encoder of two layers."""
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    return (CLIPTextModelWithProjection if projected else CLIPTextModel)(CLIPTextConfig(
        vocab_size=514, hidden_size=width, intermediate_size=4 * width, num_hidden_layers=2, num_attention_heads=heads,
        projection_dim=width, bos_token_id=512, eos_token_id=513, pad_token_id=513,
    ))


def autoencoder(tiny: bool, channels: int, **more: Any) -> Any:
    """The KL autoencoder that makes a side 8 times smaller."""
    from diffusers import AutoencoderKL

    return AutoencoderKL(
        block_out_channels=(8, 8, 8, 8) if tiny else (128, 256, 512, 512), layers_per_block=1 if tiny else 2,
        latent_channels=channels, norm_num_groups=4 if tiny else 32, down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4, **more,
    )


def scheduler(kind: str, **config: Any) -> Any:
    """A scheduler of diffusers, which reckons with numpy and so must be made on the CPU."""
    import diffusers
    import torch

    with made_on("cpu", torch.float32):
        return getattr(diffusers, kind)(**config)


def sdxl(tiny: bool) -> Any:
    """SDXL: stabilityai/stable-diffusion-xl-base-1.0."""
    from diffusers import StableDiffusionXLPipeline, UNet2DConditionModel

    wide = (16, 32) if tiny else (768, 1280)
    config = {
        "block_out_channels": (8, 16, 16), "layers_per_block": 1, "attention_head_dim": (1, 2, 2), "norm_num_groups": 4,
        "transformer_layers_per_block": (1, 1, 2), "addition_time_embed_dim": 8,
    } if tiny else {
        "block_out_channels": (320, 640, 1280), "layers_per_block": 2, "attention_head_dim": (5, 10, 20),
        "transformer_layers_per_block": (1, 2, 10), "addition_time_embed_dim": 256,
    }
    network = UNet2DConditionModel(
        sample_size=128, in_channels=4, out_channels=4, use_linear_projection=True, addition_embed_type="text_time",
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"), cross_attention_dim=sum(wide),
        projection_class_embeddings_input_dim=6 * config["addition_time_embed_dim"] + wide[1], **config,
    )
    return StableDiffusionXLPipeline(
        vae=autoencoder(tiny, 4, scaling_factor=0.13025, force_upcast=False), unet=network, add_watermarker=False,
        text_encoder=clip(wide[0], 4), text_encoder_2=clip(wide[1], 4, projected=True),
        tokenizer=letters("CLIPTokenizer"), tokenizer_2=letters("CLIPTokenizer"), scheduler=scheduler(
            "EulerDiscreteScheduler", beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012, steps_offset=1,
            timestep_spacing="leading",
        ),
    )


def flux(tiny: bool) -> Any:
    """FLUX.1: black-forest-labs/FLUX.1-dev."""
    from diffusers import FluxPipeline, FluxTransformer2DModel
    from transformers import T5Config, T5EncoderModel

    pooled, wide = (16, 32) if tiny else (768, 4096)
    config = {
        "num_layers": 2, "num_single_layers": 2, "attention_head_dim": 16, "num_attention_heads": 2,
        "axes_dims_rope": (4, 4, 8),
    } if tiny else {
        "num_layers": 19, "num_single_layers": 38, "attention_head_dim": 128, "num_attention_heads": 24,
        "axes_dims_rope": (16, 56, 56),
    }
    network = FluxTransformer2DModel(
        in_channels=64, guidance_embeds=True, joint_attention_dim=wide, pooled_projection_dim=pooled, **config,
    )
    encoder = T5EncoderModel(T5Config(
        vocab_size=64, d_model=wide, d_kv=wide // 64 or 1, d_ff=2 * wide, num_layers=2, num_heads=4 if tiny else 64,
        feed_forward_proj="gated-gelu",
    ))
    return FluxPipeline(
        vae=autoencoder(tiny, 16, use_quant_conv=False, use_post_quant_conv=False, shift_factor=0.1159, scaling_factor=0.3611),
        text_encoder=clip(pooled, 4), text_encoder_2=encoder, tokenizer=letters("CLIPTokenizer"), transformer=network,
        tokenizer_2=letters("T5Tokenizer"),
        scheduler=scheduler("FlowMatchEulerDiscreteScheduler", shift=3.0, use_dynamic_shifting=True),
    )


def z_image(tiny: bool) -> Any:
    """Z-Image: Tongyi-MAI/Z-Image-Turbo."""
    import torch
    from diffusers import ZImagePipeline, ZImageTransformer2DModel
    from transformers import Qwen3Config, Qwen3Model

    wide = 32 if tiny else 2560
    config = {
        "dim": 32, "n_layers": 2, "n_refiner_layers": 1, "n_heads": 2, "n_kv_heads": 2, "axes_dims": [8, 4, 4],
    } if tiny else {
        "dim": 3840, "n_layers": 30, "n_refiner_layers": 2, "n_heads": 30, "n_kv_heads": 30, "axes_dims": [32, 48, 48],
    }
    network = ZImageTransformer2DModel(in_channels=16, cap_feat_dim=wide, axes_lens=[1536, 512, 512], **config)
    with torch.no_grad():  # made by torch.empty
        network.x_pad_token.zero_()
        network.cap_pad_token.zero_()
    encoder = Qwen3Model(Qwen3Config(
        vocab_size=512, hidden_size=wide, intermediate_size=4 * wide, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, head_dim=wide // 4,
    ))
    return ZImagePipeline(
        vae=autoencoder(tiny, 16, use_quant_conv=False, use_post_quant_conv=False, shift_factor=0.1159, scaling_factor=0.3611),
        text_encoder=encoder, tokenizer=letters("Qwen2Tokenizer"), transformer=network,
        scheduler=scheduler("FlowMatchEulerDiscreteScheduler", shift=3.0),
    )


def llama(tiny: bool) -> Any:
    """Llama 8B: the config of meta-llama/Llama-3.1-8B, without its scaling of far positions."""
    from transformers import LlamaConfig, LlamaForCausalLM

    config = {
        "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
        "num_key_value_heads": 2, "vocab_size": 512,
    } if tiny else {
        "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32, "num_attention_heads": 32,
        "num_key_value_heads": 8, "vocab_size": 128256,
    }
    network = LlamaForCausalLM(LlamaConfig(
        max_position_embeddings=8192, bos_token_id=None, eos_token_id=None, pad_token_id=None,
        rope_parameters={"rope_type": "default", "rope_theta": 500_000.0}, **config,
    ))
    network.generation_config.eos_token_id = None
    return network.eval()


SIZES = (
    Size(title="SDXL", build=sdxl, steps=30, guidance_scale=5.0),
    Size(title="FLUX.1-dev", build=flux, steps=28, guidance_scale=3.5),
    Size(title="Z-Image-Turbo", build=z_image, steps=8, guidance_scale=0.0),
)


# 2. The device's own limits.


def seconds(device: str, call: Callable[[], Any]) -> float:
    """Wall seconds of a call, with all that it gave the device to do."""
    import torch

    def done() -> None:
        if device.startswith("cuda"):
            torch.cuda.synchronize(device)

    done()
    begun = time.perf_counter()
    call()
    done()
    return time.perf_counter() - begun


def products(device: str, dtype: Any, *, tiny: bool) -> float:
    """Floating point operations a second in products of large matrices."""
    import torch

    side, count = (256, 2) if tiny else (8192, 20)
    a, b = (torch.randn(side, side, device=device, dtype=dtype) for _ in range(2))
    a @ b
    return 2 * side**3 * count / seconds(device, lambda: [a @ b for _ in range(count)])


def bandwidth(device: str, *, tiny: bool) -> float:
    """Bytes a second that are read and written in a copy."""
    import torch

    source = torch.empty(1_000_000 if tiny else 2_000_000_000, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    target.copy_(source)
    return 2 * source.nbytes * 5 / seconds(device, lambda: [target.copy_(source) for _ in range(5)])


def operations(draw: Callable[[int], Any], steps: int) -> int:
    """Floating point operations of a picture, counted in one and in two steps: all other steps are alike."""
    from torch.utils.flop_counter import FlopCounterMode

    counted = []
    for few in (1, 2):
        with FlopCounterMode(display=False) as counter:
            draw(few)
        counted.append(counter.get_total_flops())
    return counted[0] + (steps - 1) * (counted[1] - counted[0])


# 3. The measurements.


@contextmanager
def made_on(device: str, dtype: Any) -> Iterator[None]:
    """A block in which new weights are of this precision and stand on this device at once."""
    import torch

    torch.manual_seed(0)
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        with torch.device(device):
            yield
    finally:
        torch.set_default_dtype(before)


def card_of(title: str, adapter: str, task: str, **options: Any) -> ModelCard:
    """The card of a model that is only measured."""
    return ModelCard(
        id=f"bench-{title}", title=title, sentence="", bad_at="", tasks=frozenset({task}), adapter=adapter, licence="",
        training_data="random", memory=1, **options,
    )


def pictures(size: Size, device: Device, speed: float, *, tiny: bool, runs: int) -> dict[str, Any]:
    """Seconds a picture: plain diffusers, and Playground at each of its speeds, in turns; and the share of the limit."""
    import torch

    from playground.pipelines.acceleration import CACHED_STEPS, STEP_CACHED
    from playground.pipelines.diffusion import DiffusionModel

    dtype = getattr(torch, device.dtype)
    with made_on(device.name, dtype):
        pipe = size.build(tiny)
    pipe.to(device=device.name, dtype=dtype).set_progress_bar_config(disable=True)
    side, steps = size.side, size.steps
    if tiny:
        side, steps = 64, CACHED_STEPS if type(pipe).__name__ in STEP_CACHED else 2
    model = DiffusionModel(card=card_of(size.title, "diffusion", "text_to_image"), pipe=pipe, dtype=dtype)
    model.place(device)
    request = TextToImageRequest(
        prompt=PROMPT, model="bench", seed=1, steps=steps, guidance_scale=size.guidance_scale, width=side, height=side,
    )

    def plain(count: int = steps) -> Any:
        return pipe(
            prompt=PROMPT, num_inference_steps=count, guidance_scale=size.guidance_scale, width=side, height=side,
            generator=torch.Generator("cpu").manual_seed(1),
        )

    used: dict[str, tuple[str, ...]] = {}

    def drawn(name: str) -> None:
        used[name] = model.run(replace(request, acceleration=name), lambda event: None).used

    ways: dict[str, Callable[[], Any]] = {"plain": plain}
    ways |= {name: lambda name=name: drawn(name) for name in ACCELERATIONS}
    needed = operations(plain, steps)
    first = {name: seconds(device.name, way) for name, way in ways.items()}
    turns = [{name: seconds(device.name, way) for name, way in ways.items()} for _ in range(runs)]
    took = {name: statistics.median(turn[name] for turn in turns) for name in ways}
    figures = {
        "steps": steps, "side": side, "tera_operations": needed / 1e12, "limit": needed / speed, "seconds": took,
        "first": first, "used": used, "share": {name: needed / speed / took[name] for name in ("plain", "exact", "fast")},
    }
    model.close()
    return figures


def tokens(device: Device, speed: float, *, tiny: bool, runs: int) -> dict[str, Any]:
    """Tokens a second: plain transformers, and Playground at both of its speeds, in turns; and the share of the limit."""
    import torch

    from playground.pipelines.text import TextModel

    dtype = getattr(torch, device.dtype)
    with made_on(device.name, dtype):
        network = llama(tiny)
    network.to(device=device.name, dtype=dtype)
    model = TextModel(
        card=card_of("Llama 8B", "text", "text_generation"), network=network, tokenizer=letters("Qwen2Tokenizer"),
        dtype=device.dtype,
    )
    model.placed_on(device.name)
    count = 16 if tiny else 256
    request = TextGenerationRequest(prompt=PROMPT, model="bench", seed=1, max_new_tokens=count, temperature=0)
    ids = model.completion(PROMPT).to(device.name)
    used: dict[str, tuple[str, ...]] = {}

    def plain() -> None:
        with torch.inference_mode():
            network.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=count, do_sample=False, pad_token_id=0)

    def written(name: str) -> None:
        used[name] = model.run(replace(request, acceleration=name), lambda event: None).used

    ways: dict[str, Callable[[], Any]] = {"plain": plain}
    ways |= {name: lambda name=name: written(name) for name in ACCELERATIONS[:2]}
    first = {name: seconds(device.name, way) for name, way in ways.items()}
    turns = [{name: seconds(device.name, way) for name, way in ways.items()} for _ in range(runs)]
    rate = {name: count / statistics.median(turn[name] for turn in turns) for name in ways}
    read = sum(p.nbytes for p in network.parameters()) - network.get_input_embeddings().weight.nbytes  # a row of it a token
    model.close()
    return {
        "tokens": count, "read": read, "limit": speed / read, "tokens_a_second": rate, "first": first, "used": used,
        "share": {name: value * read / speed for name, value in rate.items()},
    }


def table(figures: dict[str, Any]) -> list[str]:
    """The figures as lines of Markdown."""
    lines = [
        f"{figures['device']}, {figures['dtype']}, {figures['date']}: {figures['products'] / 1e12:.3g} TFLOP/s in matrix"
        f" products, {figures['bandwidth'] / 1e9:.4g} GB/s; medians of {figures['runs']}", "",
        "| model | plain | exact | fast | fastest | first in fast | limit | share of it: plain, exact, fast | used in fastest |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for title, row in figures["models"].items():
        text = "tokens_a_second" in row
        took, unit = (row["tokens_a_second"], " tokens/s") if text else (row["seconds"], " s")
        work = f"{row['tokens']} tokens" if text else f"{row['side']}², {row['steps']} steps"
        share = ", ".join(f"{100 * row['share'][name]:.2g} %" for name in ("plain", "exact", "fast"))
        cells = [f"{took[name]:.3g}{unit}" if name in took else "" for name in ("plain", *ACCELERATIONS)]
        last = row["used"].get("fastest", row["used"]["fast"])
        lines.append(
            f"| {title}, {work} | {' | '.join(cells)} | {row['first']['fast']:.3g} s | {row['limit']:.3g}{unit} | {share}"
            f" | {', '.join(last)} |"
        )
    return lines


def main(*, tiny: bool, runs: int, where: Path | None) -> None:
    """Measures all sizes and prints the table; where: the figures as JSON."""
    import torch

    from playground import device as devices

    if not tiny and not torch.cuda.is_available():
        raise SystemExit("There is no CUDA device here. --tiny tries the same code in tiny sizes.")
    device = replace(devices.choose("auto"), **{"dtype": "float32"} if tiny else {"dtype": "bfloat16"})
    dtype = getattr(torch, device.dtype)
    figures: dict[str, Any] = {
        "device": device.title, "dtype": device.dtype, "date": date.today().isoformat(), "torch": torch.__version__,
        "runs": runs, "tiny": tiny, "products": products(device.name, dtype, tiny=tiny),
        "bandwidth": bandwidth(device.name, tiny=tiny), "models": {},
    }
    measures = {size.title: partial(pictures, size, device, figures["products"]) for size in SIZES}
    measures["Llama 8B"] = partial(tokens, device, figures["bandwidth"])
    for title, measure in measures.items():
        try:
            figures["models"][title] = measure(tiny=tiny, runs=runs)
            print(f"{title} is measured", flush=True)
        except (RuntimeError, PlaygroundError) as error:  # such as a card too small for it: the others are measured still
            print(f"{title} failed: {type(error).__name__}: {error}", flush=True)
        gc.collect()
        if device.name.startswith("cuda"):
            torch.cuda.empty_cache()
    if tiny:
        print("\nTiny networks on this device: these figures say nothing of speed.")
    print("\n" + "\n".join(table(figures)))
    if where:
        where.write_text(json.dumps(figures, indent=1) + "\n")
