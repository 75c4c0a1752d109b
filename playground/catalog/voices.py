"""Voices of the hub."""

from __future__ import annotations

from typing import Any

from playground.catalog.card import Extra, ModelCard, gigabytes
from playground.requests import Limits

FIXED_SPEED, FIXED_PITCH = Limits(low=1, high=1, step=0.05), Limits(low=0, high=0, step=0.5)
BARK_LANGUAGES = ("de", "es", "fr", "hi", "it", "ja", "ko", "pl", "pt", "ru", "tr", "zh")
BARK_VOICES = (
    "v2/en_speaker_6", *(f"v2/en_speaker_{i}" for i in range(10) if i != 6),
    *(f"v2/{language}_speaker_{i}" for language in BARK_LANGUAGES for i in range(3)),
)
ARCTIC_SPEAKERS = {  # of the CMU Arctic recordings
    "slt, American woman": "_slt_", "clb, American woman": "_clb_", "bdl, American man": "_bdl_",
    "rms, American man": "_rms_", "awb, Scottish man": "_awb_", "jmk, Canadian man": "_jmk_", "ksp, Indian man": "_ksp_",
}
POCKET_VOICES = {
    "alba": "alba-mackenna/casual.wav",
    **{
        name: f"vctk/p{number}_023_enhanced.wav"
        for name, number in (
            ("anna", 228), ("vera", 229), ("charles", 254), ("george", 315), ("jane", 339), ("michael", 360),
        )
    },
}


BARK_SPEAKS = (
    "English", "German", "Spanish", "French", "Hindi", "Italian", "Japanese", "Korean", "Polish", "Portuguese", "Russian",
    "Turkish", "Chinese",
)
MMS_LANGUAGES = (("eng", "English"), ("deu", "German"), ("fra", "French"), ("spa", "Spanish"))
SPEECH = frozenset({"text_to_speech"})
OWN_PACE = {"speed": FIXED_SPEED, "pitch": FIXED_PITCH}
SECRET = "not published in detail"


def voiced(**values: Any) -> ModelCard:
    """A card of a voice with a pace of its own."""
    given = {"training_data": SECRET, "limits": OWN_PACE, "largest": values["memory"]} | values
    return ModelCard(adapter="speech", tasks=SPEECH, **given)


def speech_cards() -> tuple[ModelCard, ...]:
    """From the smallest to the largest."""
    return (*small_voices(), *large_voices())


def small_voices() -> tuple[ModelCard, ...]:
    """Voices that a laptop runs."""
    return (
        *(
            voiced(
                id=f"mms-tts-{code}", title=f"MMS {language}", repository=f"facebook/mms-tts-{code}", on_cpu=True,
                pipeline="VitsModel", sentence=f"Reads {language} text aloud in one voice.",
                bad_at=f"{'Feeling' if code == 'eng' else 'Numbers, abbreviations and feeling'}; not for commercial use.",
                licence="CC-BY-NC-4.0", commercial=False, training_data="readings of religious texts",
                download=gigabytes(0.15), memory=gigabytes(0.15), voices=("the model's voice",), languages=(language,),
                limits={"pitch": FIXED_PITCH}, options={"english": code == "eng"},
            )
            for code, language in MMS_LANGUAGES
        ),
        voiced(
            id="pocket-tts", title="Pocket TTS", repository="eustlb/pocket-tts", on_cpu=True, licence="CC-BY-4.0",
            pipeline="PocketTTSForConditionalGeneration", download=gigabytes(0.44), memory=gigabytes(0.44),
            sentence="A small English speaker with seven voices that can also take over the voice of a recording.",
            bad_at="It has no speed or pitch to set.", voices=tuple(POCKET_VOICES),
            extras=(
                Extra(repository="eustlb/pocket-tts-audio-tokenizer"),
                Extra(repository="kyutai/tts-voices", files=tuple(POCKET_VOICES.values())),
            ),
            options={"clones": True, "voices_repository": "kyutai/tts-voices", "voice_files": POCKET_VOICES},
        ),
        # The main branches of these hold pickles only; the hub's own converter wrote safetensors beside them (refs/pr/...).
        voiced(
            id="speecht5", title="SpeechT5", repository="microsoft/speecht5_tts", on_cpu=True, licence="MIT",
            pipeline="SpeechT5ForTextToSpeech", download=gigabytes(0.66), memory=gigabytes(0.64),
            sentence="Reads English in the voices of seven recorded speakers.",
            bad_at="English only; it has no speed or pitch to set.",
            training_data="readings of English audiobooks (LibriTTS)", voices=tuple(ARCTIC_SPEAKERS),
            extras=(
                Extra(repository="microsoft/speecht5_hifigan", revision="refs/pr/1"),
                Extra(repository="Matthijs/cmu-arctic-xvectors", kind="dataset", files=("spkrec-xvect.zip",)),
            ),
            options={
                "revision": "refs/pr/28", "vocoder": "microsoft/speecht5_hifigan", "speakers": "Matthijs/cmu-arctic-xvectors",
                "archive": "spkrec-xvect.zip", "speaker_files": ARCTIC_SPEAKERS,
            },
        ),
        voiced(
            id="bark-small", title="Bark small", repository="suno/bark-small", licence="MIT", pipeline="BarkModel",
            download=gigabytes(1.7), memory=gigabytes(1.7), languages=BARK_SPEAKS, voices=BARK_VOICES,
            options={"revision": "refs/pr/5"},
            sentence="Speaks 13 languages with feeling, and laughs where you write [laughs].",
            bad_at="Slow on a CPU; it has no speed or pitch to set.",
        ),
    )


def large_voices() -> tuple[ModelCard, ...]:
    """Voices for a graphics card."""
    return (
        voiced(
            id="dia-1.6b", title="Dia 1.6B", repository="nari-labs/Dia-1.6B-0626", licence="Apache-2.0",
            pipeline="DiaForConditionalGeneration", download=gigabytes(6.7), memory=gigabytes(3.2), bits=16,
            extras=(Extra(repository="descript/dac_44khz"),),
            sentence="Acts an English dialogue: begin a line with [S1] or [S2], and write (laughs) for a laugh.",
            bad_at="It needs a graphics card, and makes up another voice for each seed.", voices=("the model's voice",),
        ),
        voiced(
            id="csm-1b", title="CSM 1B", repository="sesame/csm-1b", gated=True, licence="Apache-2.0",
            pipeline="CsmForConditionalGeneration", download=gigabytes(6.5), memory=gigabytes(3.3), bits=16,
            sentence="Speaks English as in a conversation.", voices=("speaker 0", "speaker 1"),
            bad_at="It needs a graphics card and its maker's permission, and makes up another voice for each seed.",
        ),
        voiced(
            id="vibevoice-1.5b", title="VibeVoice 1.5B", repository="vibevoice/VibeVoice-1.5B-hf", licence="MIT",
            pipeline="VibeVoiceForConditionalGeneration", download=gigabytes(5.4), memory=gigabytes(5.4), bits=16,
            sentence="Speaks English and Chinese, and can take over the voice of a recording.",
            bad_at="It needs a large graphics card; meant for research, it puts an audible notice into what it says.",
            languages=("English", "Chinese"), voices=("the model's voice",), options={"clones": True},
        ),
    )
