"""Tiny random checkpoints of the large picture models, whose networks are transformers: the same classes, a few kilobytes."""

from __future__ import annotations

from pathlib import Path

import torch

from tests.tiny_diffusion import autoencoder, clip_text_encoder, clip_tokenizer, qwen_tokenizer

SMALL_QWEN = {
    "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 2,
}


def t5_tokenizer():
    """A T5Tokenizer that knows single letters."""
    from transformers import T5Tokenizer

    pieces = ["<pad>", "</s>", "<unk>", "▁", *"abcdefghijklmnopqrstuvwxyz.,"]
    return T5Tokenizer(vocab=[(piece, -float(i)) for i, piece in enumerate(pieces)], extra_ids=0, model_max_length=64)


def flux_parts(in_channels: int = 16) -> dict:
    """What the pipelines of FLUX.1 are made of; sides become 2 times smaller in latents, 4 times in the transformer."""
    from diffusers import FlowMatchEulerDiscreteScheduler, FluxTransformer2DModel
    from transformers import T5Config, T5EncoderModel

    torch.manual_seed(0)
    clip, t5 = clip_tokenizer(), t5_tokenizer()
    return {
        "scheduler": FlowMatchEulerDiscreteScheduler(), "tokenizer": clip, "tokenizer_2": t5,
        "vae": autoencoder(2, use_quant_conv=False, use_post_quant_conv=False, shift_factor=0.06, scaling_factor=1.5),
        "text_encoder": clip_text_encoder(clip), "text_encoder_2": T5EncoderModel(T5Config(
            vocab_size=len(t5), d_model=32, d_kv=8, d_ff=37, num_layers=2, num_heads=4, feed_forward_proj="gated-gelu",
        )),
        "transformer": FluxTransformer2DModel(
            patch_size=1, in_channels=in_channels, out_channels=16, num_layers=1, num_single_layers=1,
            attention_head_dim=16, num_attention_heads=2, joint_attention_dim=32, pooled_projection_dim=32,
            axes_dims_rope=(4, 4, 8), guidance_embeds=in_channels != 16,
        ),
    }


def flux(folder: Path) -> Path:
    """A FluxPipeline, as schnell."""
    from diffusers import FluxPipeline

    FluxPipeline(**flux_parts()).save_pretrained(folder)
    return folder


def flux_fill(folder: Path) -> Path:
    """A FluxFillPipeline, whose transformer also reads the picture around the mask and the mask."""
    from diffusers import FluxFillPipeline

    FluxFillPipeline(**flux_parts(16 + 16 + 16)).save_pretrained(folder)
    return folder


def flux_kontext(folder: Path) -> Path:
    """A FluxKontextPipeline, which reads a picture beside the prompt."""
    from diffusers import FluxKontextPipeline

    FluxKontextPipeline(**flux_parts()).save_pretrained(folder)
    return folder


def qwen_autoencoder():
    """An AutoencoderKLQwenImage that makes a side 8 times smaller."""
    from diffusers import AutoencoderKLQwenImage

    return AutoencoderKLQwenImage(
        base_dim=8, z_dim=4, dim_mult=[1, 2, 4, 4], num_res_blocks=1, temperal_downsample=[False, True, True],
        latents_mean=[0.0] * 4, latents_std=[1.0] * 4,
    )


def qwen_image(folder: Path) -> Path:
    """A QwenImagePipeline; sides become 8 times smaller in latents, 16 times in the transformer."""
    from diffusers import FlowMatchEulerDiscreteScheduler, QwenImagePipeline, QwenImageTransformer2DModel
    from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

    torch.manual_seed(0)
    tokenizer = qwen_tokenizer()
    rope = {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [1, 1, 2]}
    encoder = Qwen2_5_VLForConditionalGeneration(Qwen2_5_VLConfig(
        text_config={**SMALL_QWEN, "vocab_size": len(tokenizer), "rope_parameters": rope},
        vision_config={"depth": 1, "hidden_size": 16, "num_heads": 2, "out_hidden_size": 16, "intermediate_size": 16},
    ))
    transformer = QwenImageTransformer2DModel(
        patch_size=2, in_channels=16, out_channels=4, num_layers=1, attention_head_dim=16, num_attention_heads=2,
        joint_attention_dim=16, axes_dims_rope=(8, 4, 4),
    )
    QwenImagePipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(), vae=qwen_autoencoder(), text_encoder=encoder, tokenizer=tokenizer,
        transformer=transformer,
    ).save_pretrained(folder)
    return folder


def krea(folder: Path) -> Path:
    """A Krea2Pipeline of the few-step kind; sides become 8 times smaller in latents, 16 times in the transformer."""
    from diffusers import FlowMatchEulerDiscreteScheduler, Krea2Pipeline, Krea2Transformer2DModel
    from transformers import Qwen3VLConfig, Qwen3VLModel

    torch.manual_seed(0)
    tokenizer = qwen_tokenizer()
    rope = {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [1, 1, 2]}
    encoder = Qwen3VLModel(Qwen3VLConfig(
        text_config={**SMALL_QWEN, "vocab_size": len(tokenizer), "head_dim": 8, "rope_parameters": rope},
        vision_config={
            "depth": 1, "hidden_size": 16, "num_heads": 2, "out_hidden_size": 16, "intermediate_size": 16,
            "deepstack_visual_indexes": [0], "num_position_embeddings": 16,
        },
    ))
    transformer = Krea2Transformer2DModel(
        in_channels=16, num_layers=1, attention_head_dim=16, num_attention_heads=2, num_key_value_heads=1,
        intermediate_size=32, timestep_embed_dim=16, text_hidden_dim=16, num_text_layers=2, text_num_attention_heads=2,
        text_num_key_value_heads=2, text_intermediate_size=16, num_layerwise_text_blocks=1, num_refiner_text_blocks=1,
        axes_dims_rope=(8, 4, 4),
    )
    Krea2Pipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True), vae=qwen_autoencoder(), text_encoder=encoder,
        tokenizer=tokenizer, transformer=transformer, text_encoder_select_layers=(1, 2), is_distilled=True,
    ).save_pretrained(folder)
    return folder


def sana_sprint(folder: Path) -> Path:
    """A SanaSprintPipeline; sides become 4 times smaller in latents."""
    from diffusers import AutoencoderDC, SanaSprintPipeline, SanaTransformer2DModel, SCMScheduler
    from transformers import Gemma2Config, Gemma2Model

    from tests.tiny_text import byte_tokenizer

    torch.manual_seed(0)
    tokenizer = byte_tokenizer()
    tokenizer.pad_token = "<|im_end|>"
    vae = AutoencoderDC(
        latent_channels=4, attention_head_dim=2, encoder_block_types=("ResBlock", "EfficientViTBlock", "EfficientViTBlock"),
        decoder_block_types=("ResBlock", "EfficientViTBlock", "EfficientViTBlock"), encoder_block_out_channels=(8, 8, 8),
        decoder_block_out_channels=(8, 8, 8), encoder_qkv_multiscales=((), (5,), (5,)),
        decoder_qkv_multiscales=((), (5,), (5,)), encoder_layers_per_block=(1, 1, 1), decoder_layers_per_block=(1, 1, 1),
        downsample_block_type="Conv", upsample_block_type="interpolate", decoder_norm_types="rms_norm",
        decoder_act_fns="silu", scaling_factor=0.41407,
    )
    transformer = SanaTransformer2DModel(
        in_channels=4, out_channels=4, num_layers=1, num_attention_heads=2, attention_head_dim=4,
        num_cross_attention_heads=2, cross_attention_head_dim=4, cross_attention_dim=8, caption_channels=8, sample_size=16,
        patch_size=1, guidance_embeds=True, guidance_embeds_scale=0.1, qk_norm="rms_norm_across_heads", timestep_scale=1.0,
    )
    encoder = Gemma2Model(Gemma2Config(
        vocab_size=len(tokenizer), hidden_size=8, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2,
        num_key_value_heads=2, head_dim=8,
    ))
    SanaSprintPipeline(
        tokenizer=tokenizer, text_encoder=encoder, vae=vae, transformer=transformer, scheduler=SCMScheduler(),
    ).save_pretrained(folder)
    return folder
