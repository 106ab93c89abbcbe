"""Short, valid, silent recordings, so that players and decoders have something to work on."""

from __future__ import annotations

import io
import struct
import wave

_MP3_FRAME = b"\xff\xfb\x90\x64" + bytes(413)
_OPUS_FRAME = b"\xf8\xff\xfe"
_OPUS_SAMPLES = 960
_OGG_POLYNOMIAL = 0x04C11DB7
_OGG_FIRST, _OGG_LAST = 2, 4


def silence(form: str, *, frames: int = 25) -> tuple[str, bytes]:
    """Return a silent recording.

    Args:
        form: `mp3`, `wav`, `opus` or `pcm`, as OpenAI's `response_format`; any other is taken as `mp3`.
        frames: its length, in frames of 20 ms (of 26 ms for `mp3`).

    Returns:
        Content type and bytes.
    """
    if form == "opus":
        return "audio/ogg", ogg_opus(frames)
    if form == "wav":
        return "audio/wav", _wav(frames)
    if form == "pcm":
        return "audio/pcm", bytes(960 * frames)
    return "audio/mpeg", _MP3_FRAME * frames


def _wav(frames: int) -> bytes:
    target = io.BytesIO()
    with wave.open(target, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(bytes(640 * frames))
    return target.getvalue()


def ogg_opus(frames: int) -> bytes:
    """Return a silent voice note as WhatsApp records it: Opus in Ogg (RFC 7845), 20 ms a frame, 1 to 255."""
    head = b"OpusHead" + struct.pack("<BBHIhB", 1, 1, 0, 48_000, 0, 0)
    tags = b"OpusTags" + struct.pack("<I", 0) + struct.pack("<I", 0)
    return (
        _ogg_page(_OGG_FIRST, 0, 0, [head])
        + _ogg_page(0, 0, 1, [tags])
        + _ogg_page(_OGG_LAST, frames * _OPUS_SAMPLES, 2, [_OPUS_FRAME] * frames)
    )


def _ogg_page(kind: int, position: int, number: int, packets: list[bytes]) -> bytes:
    """Return one Ogg page (RFC 3533, section 6) of packets shorter than 255 bytes."""
    lengths = bytes(len(packet) for packet in packets)
    start = b"OggS" + struct.pack("<BBqII", 0, kind, position, 1, number)
    rest = struct.pack("<B", len(lengths)) + lengths + b"".join(packets)
    return start + struct.pack("<I", _ogg_checksum(start + bytes(4) + rest)) + rest


def _ogg_checksum(data: bytes) -> int:
    checksum = 0
    for byte in data:
        checksum ^= byte << 24
        for _ in range(8):
            carry = checksum & 0x80000000
            checksum = (checksum << 1) & 0xFFFFFFFF
            if carry:
                checksum ^= _OGG_POLYNOMIAL
    return checksum
