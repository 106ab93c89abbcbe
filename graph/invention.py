"""Was this said, or made up? Recognisers write fluent sentences over breath, wind and music.

What they make up comes from their training data, subtitles above all: thanks for watching, credits of
subtitling communities, one phrase over and over.
"""

from __future__ import annotations

import zlib
from itertools import pairwise
from typing import Final

from graph.text import words

# Fast speech has some 20 characters a second, voiced and unvoiced sounds and short pauses together; about
# half of that time is voiced.
_CHARS_PER_VOICED_S: Final = 60
_CHARS_FREE: Final = 60
# https://github.com/openai/whisper/blob/main/whisper/transcribe.py: compression_ratio_threshold
_COMPRESSION: Final = 2.4
_COMPRESSED_CHARS: Final = 400
_LOOP_WORDS: Final = 12
_LOOP_TIMES: Final = 5
_LOOP_SHARE: Final = 0.6
_LONGEST_PHRASE: Final = 8
# The shortest that people say has 144 ms of voice (espeak-ng's "gracias" and "bye"), in a note of a few
# seconds. So little voice in much more sound is breath, wind or a click.
_BRIEF_MS: Final = 128
_BRIEF_SHARE: Final = 0.03

# Folded, without punctuation: nobody says these to a company. Enough when the text has nothing but them.
_CREDITS: Final = frozenset(
    {
        "legendas pela comunidade amara org",
        "legendado pela comunidade amara org",
        "legendas pela comunidade das amara org",
        "legenda adriana zanotto",
        "transcricao e legendas pela comunidade amara org",
        "subtitulos realizados por la comunidad de amara org",
        "subtitulos por la comunidad de amara org",
        "subtitulado por la comunidad de amara org",
        "subtitles by the amara org community",
        "thanks for watching",
        "thank you for watching",
        "thank you so much for watching",
        "please subscribe to my channel",
        "like and subscribe",
        "obrigado por assistir",
        "obrigada por assistir",
        "obrigado por assistir ao video",
        "inscreva se no canal",
        "se inscreva no canal",
        "nao se esqueca de se inscrever no canal",
        "gracias por ver",
        "gracias por ver el video",
        "suscribete al canal",
        "no olvides suscribirte",
    }
)
# People do say these, but not within a breath, nor as all there is in a long recording.
_FILLERS: Final = frozenset({"you", "thank you", "obrigado", "gracias", "bye", "tchau", "e ai", "musica"})


def invented(text: str, voiced_ms: int, length_ms: int) -> bool:
    """Return whether a transcript cannot be what was said.

    Args:
        text: the transcript.
        voiced_ms: for how long the audio has a voice; see ``graph.voice_activity``.
        length_ms: how long the audio is.
    """
    said = words(text)
    if not said:
        return True
    brief = voiced_ms < max(_BRIEF_MS, length_ms * _BRIEF_SHARE)
    return _too_much(text, voiced_ms) or _phantom(said, brief=brief) or _loops(said) or _repetitive(text)


def _too_much(text: str, voiced_ms: int) -> bool:
    return len(text) > _CHARS_FREE + voiced_ms * _CHARS_PER_VOICED_S / 1000


def _phantom(said: list[str], *, brief: bool) -> bool:
    """True when the text is a known phantom phrase, once or several times; ``brief``: fillers count, too."""
    whole = " ".join(said)
    known = _CREDITS | (_FILLERS if brief else frozenset())
    return any(_repeats(whole, phrase) for phrase in known)


def _repeats(whole: str, phrase: str) -> bool:
    times, rest = divmod(len(whole) + 1, len(phrase) + 1)
    return not rest and whole == " ".join([phrase] * times)


def _loops(said: list[str]) -> bool:
    """True when most of the text is one phrase again and again."""
    if len(said) < _LOOP_WORDS:
        return False
    for size in range(1, _LONGEST_PHRASE + 1):
        run = longest = 0
        for before, after in zip(said, said[size:], strict=False):
            run = run + 1 if before == after else 0
            longest = max(longest, run)
        if longest >= size * (_LOOP_TIMES - 1) and longest + size >= len(said) * _LOOP_SHARE:
            return True
    return False


def _repetitive(text: str) -> bool:
    """True when the text compresses as no speech does; in parts, since long texts compress better."""
    data = text.encode()
    if len(data) < _COMPRESSED_CHARS:
        return False
    edges = [*range(0, len(data) - _COMPRESSED_CHARS + 1, _COMPRESSED_CHARS), len(data)]
    ratios = [(end - begin) / len(zlib.compress(data[begin:end])) for begin, end in pairwise(edges)]
    return bool(sum(ratios) / len(ratios) > _COMPRESSION)
