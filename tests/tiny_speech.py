"""Tiny random voices in transformers folders, one for each family; they hum or hiss."""

from __future__ import annotations

import io
import json
import math
import zipfile
from pathlib import Path

import numpy as np
import torch

RATE = 16_000
FRAMES_A_LETTER = 12  # each of 16 samples, before speed


def vits(folder: Path, *, speakers: int = 1, **settings) -> Path:
    """A VitsModel that speaks for about as long as a person would, and its VitsTokenizer. settings: of the tokenizer, for
    example phonemize=True."""
    from transformers import VitsConfig, VitsModel, VitsTokenizer

    folder.mkdir(parents=True, exist_ok=True)
    letters = [" ", *"abcdefghijklmnopqrstuvwxyz'-", "<unk>"]
    vocabulary = folder / "vocab.json"
    vocabulary.write_text(json.dumps({letter: i for i, letter in enumerate(letters)}))
    tokenizer = VitsTokenizer(
        str(vocabulary), pad_token=" ", unk_token="<unk>",
        **{"add_blank": True, "normalize": True, "phonemize": False, "is_uroman": False} | settings,
    )
    torch.manual_seed(0)
    network = VitsModel(VitsConfig(
        vocab_size=len(letters), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, ffn_dim=16, flow_size=16,
        spectrogram_bins=9, upsample_initial_channel=16, upsample_rates=[4, 4], upsample_kernel_sizes=[8, 8],
        resblock_kernel_sizes=[3], resblock_dilation_sizes=[[1, 3]], prior_encoder_num_flows=1,
        prior_encoder_num_wavenet_layers=1, posterior_encoder_num_wavenet_layers=1, duration_predictor_num_flows=1,
        depth_separable_num_layers=1, use_stochastic_duration_prediction=False, duration_predictor_filter_channels=16,
        sampling_rate=RATE, num_speakers=speakers, speaker_embedding_size=8 if speakers > 1 else 0,
    ))
    torch.nn.init.zeros_(network.duration_predictor.proj.weight)
    torch.nn.init.constant_(network.duration_predictor.proj.bias, math.log(FRAMES_A_LETTER - 0.5))
    network.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def byte_tokenizer(folder: Path, *, template: str = "", **special: str):
    """A tokenizer of single bytes with special tokens, which transformers gives back under their names."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: i for i, token in enumerate(["<pad>", "<unk>", *special.values(), *alphabet])}
    raw = Tokenizer(models.BPE(vocab=vocabulary, merges=[], unk_token="<unk>"))
    raw.pre_tokenizer, raw.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    made = PreTrainedTokenizerFast(
        tokenizer_object=raw, pad_token="<pad>", unk_token="<unk>", model_specific_special_tokens=special, padding_side="left",
    )
    made.chat_template = template or None
    made.save_pretrained(folder)
    return made


def bark(folder: Path, *, presets: tuple[str, ...] = ()) -> Path:
    """A BarkModel with the real vocabularies and stages of one layer, its processor, and presets of random tokens."""
    from transformers import (
        BarkCoarseConfig,
        BarkConfig,
        BarkFineConfig,
        BarkModel,
        BarkSemanticConfig,
        BertTokenizer,
        EncodecConfig,
    )

    folder.mkdir(parents=True, exist_ok=True)
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefghijklmnopqrstuvwxyz.,!?;"]
    vocabulary = {word: i for i, word in enumerate([*words, *(f"##{c}" for c in "abcdefghijklmnopqrstuvwxyz")])}
    BertTokenizer(vocab=vocabulary).save_pretrained(folder)
    small = {"num_layers": 1, "num_heads": 2, "hidden_size": 16, "block_size": 1024}
    torch.manual_seed(0)
    network = BarkModel(BarkConfig(
        semantic_config=BarkSemanticConfig(**small, input_vocab_size=129_600, output_vocab_size=10_048).to_dict(),
        coarse_acoustics_config=BarkCoarseConfig(**small, input_vocab_size=12_096, output_vocab_size=12_096).to_dict(),
        fine_acoustics_config=BarkFineConfig(
            **small, input_vocab_size=1056, output_vocab_size=1056, n_codes_total=8, n_codes_given=1,
        ).to_dict(),
        codec_config=EncodecConfig(
            num_filters=2, hidden_size=8, codebook_dim=8, num_lstm_layers=1, target_bandwidths=[6.0],
        ).to_dict(),
    ))
    for layer in network.codec_model.quantizer.layers:
        torch.nn.init.normal_(layer.codebook.embed)
    network.save_pretrained(folder)
    settings = {
        "model_type": "bark", "sample_rate": 24_000, "codebook_size": 1024,
        "semantic_config": {"max_new_tokens": 16, "do_sample": True, "eos_token_id": 10_000},
        "coarse_acoustics_config": {"max_coarse_history": 32, "sliding_window_len": 16, "do_sample": True},
        "fine_acoustics_config": {"max_fine_history_length": 32, "max_fine_input_length": 64, "temperature": 0.5},
    }
    (folder / "generation_config.json").write_text(json.dumps(settings))
    draw, known = np.random.default_rng(0), {"repo_or_path": "somewhere"}
    for name in presets:
        known[name] = {}
        shapes = {"semantic_prompt": (10_000, (40,)), "coarse_prompt": (1024, (2, 60)), "fine_prompt": (1024, (8, 60))}
        for part, (high, shape) in shapes.items():
            path = folder / "speaker_embeddings" / f"{name}_{part}.npy"
            path.parent.mkdir(parents=True, exist_ok=True)
            np.save(path, draw.integers(0, high, shape))
            known[name][part] = str(path.relative_to(folder))
    if presets:
        (folder / "speaker_embeddings_path.json").write_text(json.dumps(known))
    return folder


def speecht5(folder: Path) -> Path:
    """A SpeechT5ForTextToSpeech with its tokenizer, a HiFi-GAN in vocoder/ and the speakers "ann" and "bob" in
    speakers/voices.zip; it stops after 20 frames a letter."""
    import sentencepiece
    from transformers import SpeechT5Config, SpeechT5ForTextToSpeech, SpeechT5HifiGan, SpeechT5HifiGanConfig, SpeechT5Tokenizer

    folder.mkdir(parents=True, exist_ok=True)
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(["the quick brown fox jumps over a lazy dog.", "The Dog, it's 1 2 3!"]),
        model_prefix=str(folder / "spm_char"), model_type="char", vocab_size=45, hard_vocab_limit=False, minloglevel=2,
        bos_id=0, pad_id=1, eos_id=2, unk_id=3,
    )
    tokenizer = SpeechT5Tokenizer(str(folder / "spm_char.model"))
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    network = SpeechT5ForTextToSpeech(SpeechT5Config(
        vocab_size=len(tokenizer), hidden_size=24, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=16, decoder_ffn_dim=16, speech_decoder_prenet_units=16,
        speech_decoder_postnet_units=16, speech_decoder_postnet_layers=2, speaker_embedding_dim=512, num_mel_bins=80,
        max_text_positions=400, reduction_factor=8,
    ))
    torch.nn.init.constant_(network.speech_decoder_postnet.prob_out.bias, -10)
    network.save_pretrained(folder)
    vocoder = SpeechT5HifiGan(SpeechT5HifiGanConfig(
        model_in_dim=80, upsample_initial_channel=16, upsample_rates=[4, 4], upsample_kernel_sizes=[8, 8],
        resblock_kernel_sizes=[3], resblock_dilation_sizes=[[1, 3]], sampling_rate=RATE,
    ))
    for weight in vocoder.parameters():
        torch.nn.init.normal_(weight, std=0.3)
    vocoder.save_pretrained(folder / "vocoder")
    (folder / "speakers").mkdir(exist_ok=True)
    draw = np.random.default_rng(0)
    with zipfile.ZipFile(folder / "speakers" / "voices.zip", "w") as archive:
        for name in ("ann_a1", "ann_a2", "bob_a1"):
            held = io.BytesIO()
            np.save(held, draw.normal(size=512).astype(np.float32))
            archive.writestr(f"xvect/{name}.npy", held.getvalue())
    return folder


POCKET_TEMPLATE = (
    "{% for m in messages %}{% for c in m['content'] %}{% if c['type'] == 'audio' %}%BEGIN%<audio>{% endif %}"
    "{% endfor %}{% for c in m['content'] %}{% if c['type'] == 'text' %}{{ c['text'] }}{% endif %}{% endfor %}<bos>{% endfor %}"
)


def pocket_tts(folder: Path, *, phonon: bool = False) -> Path:
    """A PocketTTSForConditionalGeneration, or its relative Phonon, with the processor and the codec in codec/."""
    from transformers import (
        GradiumPhononTTSConfig,
        GradiumPhononTTSFlowHeadConfig,
        GradiumPhononTTSForConditionalGeneration,
        PocketTTSAudioTokenizerConfig,
        PocketTTSAudioTokenizerModel,
        PocketTTSConfig,
        PocketTTSFeatureExtractor,
        PocketTTSFlowHeadConfig,
        PocketTTSForConditionalGeneration,
        PocketTTSProcessor,
    )

    folder.mkdir(parents=True, exist_ok=True)
    special = {"audio_prompt_token": "<audio>", "audio_latent_token": "<latent>", "audio_bos_token": "<bos>"}
    special |= {} if phonon else {"audio_prompt_bos_token": "<voice>"}
    template = POCKET_TEMPLATE.replace("%BEGIN%", "" if phonon else "<voice>")
    tokenizer = byte_tokenizer(folder, template=template, **special)
    torch.manual_seed(0)
    PocketTTSAudioTokenizerModel(PocketTTSAudioTokenizerConfig(
        hidden_size=16, num_filters=4, num_hidden_layers=1, intermediate_size=16, num_attention_heads=2, num_key_value_heads=2,
        upsampling_ratios=[4, 4], latent_stride=4, latent_dim=8, upsample_groups=16,
    )).save_pretrained(folder / "codec")
    codec = PocketTTSAudioTokenizerModel.from_pretrained(folder / "codec")
    kinds = (
        (GradiumPhononTTSConfig, GradiumPhononTTSFlowHeadConfig, GradiumPhononTTSForConditionalGeneration) if phonon
        else (PocketTTSConfig, PocketTTSFlowHeadConfig, PocketTTSForConditionalGeneration)
    )
    ids = {f"{name}_id": tokenizer.convert_tokens_to_ids(token) for name, token in special.items()}
    network = kinds[2](kinds[0](
        vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32,
        latent_dim=8, pad_token_id=0, frame_rate=24_000 / codec.config.frame_size / 8, **ids,
        flow_head_config=kinds[1](hidden_size=16, num_hidden_layers=1, latent_dim=8, condition_dim=32).to_dict(),
        **{"audio_prompt_dim": 12} if phonon else {},
    ))
    made = network.generation_config
    made.update(return_dict_in_generate=True, do_sample=True, temperature=0.7, pad_token_id=0)
    made.num_flow_steps, made.eos_threshold, made.min_frames_before_eos = 1, 100.0, 2
    network.save_pretrained(folder)
    PocketTTSProcessor(
        PocketTTSFeatureExtractor(frame_size=64, pad_to_multiple_of=64), tokenizer, audio_tokenizer=codec,
        chat_template=template,
    ).save_pretrained(folder)
    return folder


def csm(folder: Path) -> Path:
    """A CsmForConditionalGeneration with a Mimi codec; it makes 10 frames of whatever length its codec gives them."""
    from transformers import (
        CsmConfig,
        CsmDepthDecoderConfig,
        CsmForConditionalGeneration,
        CsmProcessor,
        EncodecFeatureExtractor,
        MimiConfig,
    )

    folder.mkdir(parents=True, exist_ok=True)
    special = {"audio_token": "<|AUDIO|>", "audio_eos_token": "<|audio_eos|>"}
    template = (
        "{% for m in messages %}[{{ m['role'] }}]{% for c in m['content'] %}{% if c['type'] == 'text' %}{{ c['text'] }}"
        "{% else %}<|AUDIO|><|audio_eos|>{% endif %}{% endfor %}{% endfor %}"
    )
    tokenizer = byte_tokenizer(folder, template=template, **special)
    CsmProcessor(EncodecFeatureExtractor(), tokenizer, chat_template=template).save_pretrained(folder)
    torch.manual_seed(0)
    small = {
        "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
        "num_key_value_heads": 2, "num_codebooks": 4, "vocab_size": 67,
    }
    network = CsmForConditionalGeneration(CsmConfig(
        **small, text_vocab_size=len(tokenizer), codebook_pad_token_id=66, codebook_eos_token_id=65, pad_token_id=0,
        bos_token_id=1, audio_token_id=tokenizer.convert_tokens_to_ids("<|AUDIO|>"),
        audio_eos_token_id=tokenizer.convert_tokens_to_ids("<|audio_eos|>"),
        depth_decoder_config=CsmDepthDecoderConfig(**small, backbone_hidden_size=16, max_position_embeddings=5).to_dict(),
        codec_config=MimiConfig(
            hidden_size=16, num_filters=4, codebook_size=64, codebook_dim=8, vector_quantization_hidden_dimension=8,
            num_quantizers=4, num_semantic_quantizers=1, num_hidden_layers=1, intermediate_size=16, num_attention_heads=2,
            num_key_value_heads=2, head_dim=8, upsample_groups=16, upsampling_ratios=[8, 6, 5, 4],
        ).to_dict(),
    ))
    torch.nn.init.normal_(network.lm_head.weight)  # else what was heard before hardly matters
    for buffer in (b for n, b in network.codec_model.named_buffers() if n.endswith("embed_sum")):
        torch.nn.init.normal_(buffer)
    for settings in (network.generation_config, network.depth_decoder.generation_config):
        settings.update(do_sample=True, temperature=0.9, pad_token_id=0, suppress_tokens=[64, 65, 66])
        settings._from_model_config = False  # else transformers leaves the depth decoder's settings out
    network.generation_config.max_new_tokens = 10
    network.save_pretrained(folder)
    return folder


def dia(folder: Path) -> Path:
    """A DiaForConditionalGeneration with a DAC codec in codec/; it stops when it is told to."""
    from transformers import (
        DacConfig,
        DacModel,
        DiaConfig,
        DiaDecoderConfig,
        DiaEncoderConfig,
        DiaFeatureExtractor,
        DiaForConditionalGeneration,
        DiaProcessor,
        DiaTokenizer,
    )

    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    DacModel(DacConfig(
        encoder_hidden_size=8, downsampling_ratios=[2, 4, 8, 8], decoder_hidden_size=32, n_codebooks=9, codebook_size=1024,
        codebook_dim=4, sampling_rate=44_100,
    )).save_pretrained(folder / "codec")
    codec = DacModel.from_pretrained(folder / "codec")
    DiaProcessor(DiaFeatureExtractor(sampling_rate=44_100), DiaTokenizer(), audio_tokenizer=codec).save_pretrained(folder)
    heads = {"num_attention_heads": 2, "num_key_value_heads": 2, "head_dim": 8}
    network = DiaForConditionalGeneration(DiaConfig(
        encoder_config=DiaEncoderConfig(hidden_size=16, intermediate_size=16, num_hidden_layers=1, **heads),
        decoder_config=DiaDecoderConfig(
            hidden_size=16, intermediate_size=16, num_hidden_layers=1, **heads, cross_hidden_size=16,
            cross_num_attention_heads=2, cross_num_key_value_heads=2, cross_head_dim=8,
        ),
    ))
    made = network.generation_config
    made.update(
        do_sample=True, guidance_scale=3.0, temperature=1.8, top_k=45, top_p=0.9, max_length=40, pad_token_id=1025,
        bos_token_id=1026, eos_token_id=1024, decoder_start_token_id=1026,
    )
    network.save_pretrained(folder)
    return folder


def vibevoice(folder: Path) -> Path:
    """A VibeVoiceForConditionalGeneration that always goes on with sound."""
    from transformers import (
        Qwen2Config,
        VibeVoiceAcousticTokenizerConfig,
        VibeVoiceAcousticTokenizerEncoderConfig,
        VibeVoiceAcousticTokenizerFeatureExtractor,
        VibeVoiceConfig,
        VibeVoiceDiffusionHeadConfig,
        VibeVoiceForConditionalGeneration,
        VibeVoiceProcessor,
    )

    folder.mkdir(parents=True, exist_ok=True)
    special = {"audio_bos_token": "<|vision_start|>", "audio_eos_token": "<|vision_end|>", "audio_token": "<|vision_pad|>"}
    template = (
        "{% for m in messages %} Speaker {{ m['role'] }}:{% for c in m['content'] %}{% if c['type'] == 'text' %}"
        "{{ c['text'] }}{% else %}<|vision_start|><|vision_pad|><|vision_end|>{% endif %}{% endfor %}{% endfor %}"
        "<|vision_start|>"
    )
    tokenizer = byte_tokenizer(folder, template=template, **special)
    ids = {f"{name}_id": tokenizer.convert_tokens_to_ids(token) for name, token in special.items()}
    codec = {"num_filters": 4, "depths": [1, 1], "downsampling_ratios": [8], "kernel_size": 3}
    torch.manual_seed(0)
    network = VibeVoiceForConditionalGeneration(VibeVoiceConfig(
        text_config=Qwen2Config(
            vocab_size=len(tokenizer), hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2,
            num_key_value_heads=2,
        ).to_dict(),
        audio_config=VibeVoiceAcousticTokenizerConfig(hidden_size=8, **codec).to_dict(),
        semantic_model_config=VibeVoiceAcousticTokenizerEncoderConfig(hidden_size=8, **codec).to_dict(),
        diffusion_head_config=VibeVoiceDiffusionHeadConfig(
            hidden_size=16, latent_size=8, num_hidden_layers=1, intermediate_size=16,
        ).to_dict(),
        pad_token_id=0, eos_token_id=1, **ids,
    ))
    network.generation_config.update(max_new_tokens=6, guidance_scale=1.3, pad_token_id=0, eos_token_id=1)
    network.generation_config.num_diffusion_steps = 2
    network.generation_config.suppress_tokens = [i for i in range(len(tokenizer)) if i != ids["audio_token_id"]]
    network.save_pretrained(folder)
    VibeVoiceProcessor(
        VibeVoiceAcousticTokenizerFeatureExtractor(pad_to_multiple_of=8), tokenizer, chat_template=template,
    ).save_pretrained(folder)
    return folder
