"""Audio files as customers send them: decoded, listened to, and made ready for a recogniser."""

from __future__ import annotations

import numpy as np
import pytest

from graph.audio import AudioLimits, decode, encode, split_at_pauses, uploads
from graph.unusable import Unusable
from graph.voice_activity import has_speech, voiced_ms
from ponte.audio import container_of
from ponte.domain.message import MediaError
from tests.support.sounds import HOSTILE
from tests.support.spoken import Spoken, encoded, lasting, noise, silence

LIMITS = AudioLimits()
FORMS = ["ogg", "amr", "mp3", "aac", "m4a", "wav", "flac", "webm"]


def refused(data: bytes, limits: AudioLimits = LIMITS) -> MediaError:
    """Return why a file cannot be decoded."""
    with pytest.raises(Unusable) as raised:
        decode(data, limits)
    return raised.value.error


@pytest.mark.parametrize("form", FORMS)
def test_every_usual_form_is_decoded_and_speech_is_heard(spoken: Spoken, form: str) -> None:
    """Whatever the container and codec, the length is right and the voice is found."""
    sound = decode(encoded(spoken.question, form), LIMITS)
    assert abs(sound.duration_ms - len(spoken.question) / 16) < 150
    assert has_speech(voiced_ms(sound.samples))


def test_speech_of_every_language_is_heard(spoken: Spoken) -> None:
    """Portuguese, Spanish, English, and one short word."""
    for samples in (spoken.question, spoken.spanish, spoken.english, spoken.short):
        assert has_speech(voiced_ms(samples))


@pytest.mark.parametrize("gain", [0.1, 0.03, 0.01])
def test_quiet_speech_is_heard(spoken: Spoken, gain: float) -> None:
    """Down to 40 dB below a normal level."""
    assert has_speech(voiced_ms((spoken.question * gain).astype(np.int16)))


@pytest.mark.parametrize("color", ["white", "pink", "brown"])
def test_speech_is_heard_in_noise(spoken: Spoken, color: str) -> None:
    """With noise 10 dB below it."""
    loudness = float(np.sqrt((spoken.question.astype(float) ** 2).mean()))
    mixed = spoken.question + noise(len(spoken.question) / 16_000, color, loudness / 10**0.5)
    assert has_speech(voiced_ms(np.clip(mixed, -32_768, 32_767).astype(np.int16)))


@pytest.mark.parametrize("color", ["white", "pink", "brown"])
@pytest.mark.parametrize("level", [100, 3_000, 8_000])
@pytest.mark.parametrize("seconds", [1, 30])
def test_noise_is_not_speech(color: str, level: int, seconds: int) -> None:
    """Of any colour, loudness and length."""
    assert voiced_ms(noise(seconds, color, level)) == 0


@pytest.mark.parametrize("form", FORMS)
def test_noise_that_a_codec_has_bent_is_not_speech(form: str) -> None:
    """Speech codecs model everything as a voice; the measure is not taken in."""
    for color in ("white", "brown"):
        assert not has_speech(voiced_ms(decode(encoded(noise(5, color), form), LIMITS).samples))


def test_other_sounds_are_not_speech() -> None:
    """Silence, the noise of a bad microphone, mains hum, tones and clicks."""
    time = np.arange(5 * 16_000) / 16_000
    clicks = np.zeros(len(time))
    clicks[::8_000] = 30_000
    hum = sum(3_000 / k * np.sin(2 * np.pi * 60 * k * time) for k in range(1, 12))
    tones = [8_000 * np.sin(2 * np.pi * pitch * time) for pitch in (120, 220, 440, 1_000)]
    for sound in (silence(5), noise(5, level=2), silence(0.01), silence(0), hum, clicks, *tones):
        assert not has_speech(voiced_ms(np.asarray(sound).astype(np.int16)))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff",
        b"OggS",
        b"OggS" + bytes(5_000),
        b"%PDF-1.7\n" + bytes(2_000),
        b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n",
        b"ffconcat version 1.0\nfile /etc/passwd\n",
        b"RIFF\x24\x00\x00\x00WAVEfmt ",
        b"RIFF\x24\x00\x00\x00AVI LIST",
        b"\x00\x00\x00\x18ftypisom" + bytes(200),
        b"ID3\x04\x00\x00\x00\x00\x00\x00" + bytes(100),
        b"\x1a\x45\xdf\xa3" + bytes(100),
        b"#!AMR\n",
        "não é áudio".encode(),
    ],
)
def test_what_is_no_audio_is_unreadable(data: bytes) -> None:
    """Empty, broken, or something else under an audio's name; playlists are not even opened."""
    assert refused(data) is MediaError.UNREADABLE


@pytest.mark.parametrize("form", FORMS)
def test_broken_audio_is_unreadable_or_heard_as_far_as_it_goes(spoken: Spoken, form: str) -> None:
    """Nothing but Unusable comes of a file that was cut or scrambled."""
    whole = encoded(spoken.question, form)
    scrambled = bytearray(whole)
    scrambled[len(whole) // 3 : len(whole) // 2] = np.random.default_rng(3).bytes(
        len(whole) // 2 - len(whole) // 3
    )
    for data in (whole[: len(whole) // 2], whole[:40], bytes(scrambled)):
        try:
            assert decode(data, LIMITS).duration_ms > 0
        except Unusable as error:
            assert error.error is MediaError.UNREADABLE  # noqa: PT017 - either outcome is right


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_unreadable(name: str) -> None:
    """What libav cannot decode, or only with gigabytes or minutes, is a file like any broken one."""
    assert refused(HOSTILE[name]) is MediaError.UNREADABLE


def test_an_audio_file_under_another_type_is_known_by_its_content(spoken: Spoken) -> None:
    """An MP3 that claims to be OGG decodes: nobody asks what it claims."""
    assert container_of(encoded(spoken.short, "mp3")) == "mp3"
    assert container_of(encoded(spoken.short, "aac")) == "aac"


def test_limits_hold(spoken: Spoken) -> None:
    """Too many bytes, and too many minutes, are refused."""
    data = encoded(spoken.question, "ogg")
    assert refused(data, AudioLimits(file_bytes=len(data) - 1)) is MediaError.TOO_LARGE
    assert refused(data, AudioLimits(duration_ms=2_000)) is MediaError.TOO_LARGE
    assert refused(data, AudioLimits(decode_ms=0)) is MediaError.UNREADABLE


def test_a_short_note_is_sent_as_it_came(spoken: Spoken) -> None:
    """No second encoding takes quality away; AMR, which servers do not take, is encoded anew."""
    data = encoded(spoken.question, "ogg")
    (file,) = uploads(data, decode(data, LIMITS), LIMITS)
    assert (file.name, file.content_type, file.data) == ("audio.ogg", "audio/ogg", data)
    amr = encoded(spoken.question, "amr")
    (file,) = uploads(amr, decode(amr, LIMITS), LIMITS)
    assert file.name.endswith(".ogg")
    assert has_speech(voiced_ms(decode(file.data, LIMITS).samples))


def test_long_audio_is_split_at_pauses(spoken: Spoken) -> None:
    """Ten minutes in pieces of four: each short enough, small, cut in silence, and nothing lost."""
    long = lasting(spoken.question, 600)
    data = encode(long)
    sound = decode(data, LIMITS)
    limits = AudioLimits(piece_ms=4 * 60_000)
    files = uploads(data, sound, limits)
    assert len(files) == 3
    assert sum(len(file.samples) for file in files) == len(sound.samples)
    for file in files:
        assert len(file.samples) <= 4 * 60 * 16_000
        assert len(file.data) < 1_000_000
    for file in files[1:]:
        assert int(np.abs(file.samples[:1_600].astype(int)).max()) < 300


def test_audio_without_any_pause_is_split_all_the_same() -> None:
    """Noise has no pause; the pieces still fit."""
    pieces = split_at_pauses(noise(10), 3_000)
    assert [len(piece) <= 48_000 for piece in pieces] == [True] * len(pieces)
    assert sum(map(len, pieces)) == 160_000
