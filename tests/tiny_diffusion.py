"""Tiny random diffusers checkpoints, saved to a folder and loaded like any other: the same classes, a few kilobytes."""

from __future__ import annotations

from pathlib import Path

import torch

TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}<|im_start|>assistant\n"
)
V_PREDICTION = {
    "prediction_type": "v_prediction", "rescale_betas_zero_snr": True, "timestep_spacing": "trailing",
    "beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012, "steps_offset": 1,
}


def clip_tokenizer(longest: int = 77):
    """A CLIPTokenizer that knows single letters."""
    from tokenizers import pre_tokenizers
    from transformers import CLIPTokenizer

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    pieces = [*letters, *(letter + "</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(vocab={p: i for i, p in enumerate(pieces)}, merges=[], model_max_length=longest)


def qwen_tokenizer():
    """A Qwen2Tokenizer that knows single bytes and a chat template."""
    from tokenizers import pre_tokenizers
    from transformers import Qwen2Tokenizer

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    pieces = [*letters, "<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    tokenizer = Qwen2Tokenizer(vocab={p: i for i, p in enumerate(pieces)}, merges=[])
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|im_start|>", "<|im_end|>"]})
    tokenizer.chat_template = TEMPLATE
    return tokenizer


def clip_text_encoder(tokenizer, *, projected: bool = False):
    """A CLIPTextModel 32 wide, or a CLIPTextModelWithProjection."""
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    return (CLIPTextModelWithProjection if projected else CLIPTextModel)(CLIPTextConfig(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=37, num_hidden_layers=2, num_attention_heads=4,
        max_position_embeddings=tokenizer.model_max_length, projection_dim=32, bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
    ))


def unet(in_channels: int, **changes):
    """A UNet2DConditionModel 16 and 32 wide."""
    from diffusers import UNet2DConditionModel

    return UNet2DConditionModel(**{
        "sample_size": 16, "in_channels": in_channels, "out_channels": 4, "layers_per_block": 1,
        "block_out_channels": (16, 32), "norm_num_groups": 8,
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"), "cross_attention_dim": 32, "attention_head_dim": 4,
    } | changes)


def autoencoder(blocks: int = 2, **changes):
    """An AutoencoderKL that makes a side 2^(blocks - 1) times smaller."""
    from diffusers import AutoencoderKL

    return AutoencoderKL(
        block_out_channels=(8,) * (blocks - 1) + (16,), latent_channels=4, norm_num_groups=4, sample_size=32,
        down_block_types=("DownEncoderBlock2D",) * blocks, up_block_types=("UpDecoderBlock2D",) * blocks, **changes,
    )


def stable_diffusion(
    folder: Path, *, inpaint: bool = False, scheduler=None, dtype=torch.float32, blocks: int = 3,
    time_cond_proj_dim: int | None = None,
) -> Path:
    """A StableDiffusionPipeline, or a StableDiffusionInpaintPipeline of 9 channels; by default with the scheduler of
    the starter pictures. Sides become 2^(blocks - 1) times smaller in latents. time_cond_proj_dim: width of the guidance
    scale's embedding, as where guidance was distilled."""
    import diffusers

    torch.manual_seed(0)
    kind = diffusers.StableDiffusionInpaintPipeline if inpaint else diffusers.StableDiffusionPipeline
    tokenizer = clip_tokenizer()
    scheduler = scheduler or diffusers.DPMSolverMultistepScheduler(**V_PREDICTION)
    pipe = kind(
        vae=autoencoder(blocks), text_encoder=clip_text_encoder(tokenizer), tokenizer=tokenizer, scheduler=scheduler,
        unet=unet(9 if inpaint else 4, time_cond_proj_dim=time_cond_proj_dim), safety_checker=None, feature_extractor=None,
        requires_safety_checker=False,
    )
    pipe.to(dtype=dtype).save_pretrained(folder)
    return folder


def distilled(folder: Path) -> Path:
    """A StableDiffusionPipeline whose network reads the guidance scale, with a layer for previews."""
    from safetensors.torch import save_file

    stable_diffusion(folder, blocks=4, time_cond_proj_dim=16)
    layer = {"weight": torch.randn(48, 4, 3, 3) * 0.1, "bias": torch.randn(48) * 0.1}
    save_file(layer, folder / "preview.safetensors")
    return folder


def instruct_pix2pix(folder: Path) -> Path:
    """A StableDiffusionInstructPix2PixPipeline, whose network reads a picture beside the noise."""
    from diffusers import EulerAncestralDiscreteScheduler, StableDiffusionInstructPix2PixPipeline

    torch.manual_seed(0)
    tokenizer = clip_tokenizer()
    StableDiffusionInstructPix2PixPipeline(
        vae=autoencoder(3), text_encoder=clip_text_encoder(tokenizer), tokenizer=tokenizer, unet=unet(8),
        scheduler=EulerAncestralDiscreteScheduler(), safety_checker=None, feature_extractor=None,
        requires_safety_checker=False,
    ).save_pretrained(folder)
    return folder


def stable_diffusion_xl(folder: Path, *, inpaint: bool = False) -> Path:
    """A StableDiffusionXLPipeline, whose text is encoded twice and pooled, or a StableDiffusionXLInpaintPipeline of 9
    channels. Sides become 4 times smaller in latents."""
    from diffusers import EulerDiscreteScheduler, StableDiffusionXLInpaintPipeline, StableDiffusionXLPipeline

    torch.manual_seed(0)
    tokenizer = clip_tokenizer()
    network = unet(
        9 if inpaint else 4, cross_attention_dim=64, addition_embed_type="text_time", addition_time_embed_dim=8,
        projection_class_embeddings_input_dim=6 * 8 + 32,
    )
    (StableDiffusionXLInpaintPipeline if inpaint else StableDiffusionXLPipeline)(
        vae=autoencoder(3), text_encoder=clip_text_encoder(tokenizer), tokenizer=tokenizer, unet=network,
        text_encoder_2=clip_text_encoder(tokenizer, projected=True), tokenizer_2=clip_tokenizer(),
        scheduler=EulerDiscreteScheduler(), add_watermarker=False,
    ).save_pretrained(folder)
    return folder


def z_image(folder: Path) -> Path:
    """A ZImagePipeline; sides become 8 times smaller in latents, 16 times in the transformer."""
    from diffusers import FlowMatchEulerDiscreteScheduler, ZImagePipeline, ZImageTransformer2DModel
    from transformers import Qwen3Config, Qwen3Model

    torch.manual_seed(0)
    tokenizer = qwen_tokenizer()
    transformer = ZImageTransformer2DModel(
        all_patch_size=(2,), all_f_patch_size=(1,), in_channels=4, dim=32, n_layers=1, n_refiner_layers=1, n_heads=2,
        n_kv_heads=2, cap_feat_dim=16, axes_dims=[8, 4, 4], axes_lens=[1024, 64, 64],
    )
    with torch.no_grad():  # made by torch.empty
        transformer.x_pad_token.zero_()
        transformer.cap_pad_token.zero_()
    encoder = Qwen3Model(Qwen3Config(
        vocab_size=len(tokenizer), hidden_size=16, intermediate_size=16, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=2, head_dim=8,
    ))
    vae = autoencoder(4, use_quant_conv=False, use_post_quant_conv=False, shift_factor=0.06, scaling_factor=1.5)
    ZImagePipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(), vae=vae, text_encoder=encoder, tokenizer=tokenizer,
        transformer=transformer,
    ).save_pretrained(folder)
    return folder


def flux2_klein(folder: Path) -> Path:
    """A Flux2KleinPipeline; sides become 2 times smaller in latents, 4 times in the transformer."""
    from diffusers import (
        AutoencoderKLFlux2,
        FlowMatchEulerDiscreteScheduler,
        Flux2KleinPipeline,
        Flux2Transformer2DModel,
    )
    from transformers import Qwen3Config, Qwen3ForCausalLM

    torch.manual_seed(0)
    tokenizer = qwen_tokenizer()
    vae = AutoencoderKLFlux2(
        block_out_channels=(8, 8), latent_channels=4, norm_num_groups=4, sample_size=32, use_quant_conv=False,
        use_post_quant_conv=False, down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
    )
    encoder = Qwen3ForCausalLM(Qwen3Config(
        vocab_size=len(tokenizer), hidden_size=16, intermediate_size=16, num_hidden_layers=28, num_attention_heads=2,
        num_key_value_heads=2, head_dim=8,
    ))
    transformer = Flux2Transformer2DModel(
        patch_size=1, in_channels=16, num_layers=1, num_single_layers=1, attention_head_dim=16, num_attention_heads=2,
        joint_attention_dim=48, axes_dims_rope=(4, 4, 4, 4), guidance_embeds=False,
    )
    Flux2KleinPipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(), vae=vae, text_encoder=encoder, tokenizer=tokenizer,
        transformer=transformer, is_distilled=True,
    ).save_pretrained(folder)
    return folder
