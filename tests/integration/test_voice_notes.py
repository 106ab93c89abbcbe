"""Recordings become WhatsApp's voice notes, through the real codecs."""

from __future__ import annotations

import resource
import struct

import pytest

from ponte.audio import NoRecording, to_samples, to_voice_note
from ponte.errors import InvalidInput
from simulator.silence import silence
from tests.support.sounds import CONTAINERS, HOSTILE, heard, recording, samples


@pytest.mark.parametrize("form", sorted(CONTAINERS))
@pytest.mark.parametrize("channels", [1, 2])
def test_any_common_recording_becomes_a_voice_note(form: str, channels: int) -> None:
    """What browsers and phones record comes out as Ogg/Opus, mono, 48 kHz, as long and as loud as it was."""
    note = to_voice_note(recording(form, 3_000, channels=channels))
    found = heard(note.content)
    assert (found.container, found.codec, found.rate, found.channels) == ("ogg", "opus", 48_000, 1)
    assert found.ms == pytest.approx(3_000, rel=0.05)
    assert note.duration_ms == pytest.approx(3_000, rel=0.05)
    assert found.loudest > 10_000
    assert note.content[28:36] == b"OpusHead"


def test_bare_samples_become_a_voice_note() -> None:
    """Samples without a container are read at the rate that is given with them."""
    note = to_voice_note(samples(2_000, 24_000).tobytes(), pcm_rate=24_000)
    assert heard(note.content).ms == pytest.approx(2_000, rel=0.05)


def test_the_same_sound_is_the_same_file() -> None:
    """The store keeps files by content: a sound that is converted twice must not become two files."""
    data = recording("wav")
    assert to_voice_note(data).content == to_voice_note(data).content


def test_what_is_a_voice_note_already_is_kept_as_it_is() -> None:
    """Ogg/Opus in mono from a speech server is not encoded once more; in stereo it is."""
    mono, stereo = recording("ogg"), recording("ogg", channels=2)
    assert to_voice_note(mono, keep=True).content == mono
    assert heard(to_voice_note(stereo, keep=True).content).channels == 1


def test_tags_are_left_out() -> None:
    """What a recorder wrote beside the sound, such as a place, does not reach the customer."""
    data = recording("m4a", 600, title="Rua das Flores 7")
    assert "Rua das Flores 7" in heard(data).tags.values()
    assert "Rua das Flores 7" not in heard(to_voice_note(data).content).tags.values()


@pytest.mark.parametrize("form", ["opus", "wav", "mp3"])
def test_the_simulators_silence_is_readable(form: str) -> None:
    """The stand-in's recordings decode, so that tests of speech end in a real file."""
    note = to_voice_note(silence(form)[1], keep=True)
    assert heard(note.content).codec == "opus"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"OggS",
        b"<html>no</html>" * 100,
        b"#EXTM3U\n#EXTINF:5,\nfile:///etc/passwd\n",
        b"ffconcat version 1.0\nfile /etc/passwd\n",
        b"RIFF" + struct.pack("<I", 36) + b"WAVE" + b"\x00" * 40,
        recording("ogg")[:40],
        b"\x1a\x45\xdf\xa3" + b"\x00" * 5_000,
        b"\x00\x00\x00\x20ftypM4A " + b"\xff" * 5_000,
        b"ID3" + b"\x00" * 500,
    ],
    ids=["empty", "cut", "page", "playlist", "list", "no sound", "half", "webm", "mp4", "mp3"],
)
def test_what_is_no_recording_is_refused(data: bytes) -> None:
    """Files that are no sound, that are damaged, or that name other files are refused in words."""
    with pytest.raises(InvalidInput):
        to_voice_note(data)


def test_a_long_recording_is_refused() -> None:
    """Decoding ends at the limit, however long the file is."""
    with pytest.raises(InvalidInput, match="longer than 1 seconds"):
        to_voice_note(recording("wav", 1_500), max_ms=1_000)


def spent_s() -> float:
    """Return the processor time so far, of this process and of those that it started."""
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in both)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_recording_is_refused_and_costs_little(name: str) -> None:
    """A header that crashes libav, or makes it take gigabytes or minutes, is refused like any other."""
    begin, before = spent_s(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(InvalidInput):
        to_voice_note(HOSTILE[name], keep=True)
    with pytest.raises(NoRecording):
        to_samples(HOSTILE[name], 16_000, max_ms=900_000, within_ms=60_000)
    assert spent_s() - begin < 3
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 500_000


def test_a_recording_that_takes_too_long_is_refused() -> None:
    """Decoding ends with its time."""
    with pytest.raises(NoRecording, match="too long"):
        to_samples(recording("ogg"), 16_000, max_ms=900_000, within_ms=0)
