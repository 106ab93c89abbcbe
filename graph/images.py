"""Pictures, made small for a model that sees."""

from __future__ import annotations

import base64
import io
import struct
from collections.abc import Callable
from typing import Final

import openai
from PIL import Image

from graph.context import Limits, ModelFailed
from graph.model_calls import trying
from graph.unusable import Unusable
from ponte.domain.message import MediaError

_FORMATS: Final = ("JPEG", "PNG", "WEBP", "GIF")
_FILE_BYTES: Final = 32 * 1024 * 1024
_PIXELS: Final = 50_000_000
# More adds cost and no detail that matters: https://platform.openai.com/docs/guides/images-vision
_EDGE: Final = 1_568
_QUALITY: Final = 82
_TOKENS: Final = 500
# How a camera was held, by the tag of that name in the Exif standard, and what turns the picture upright.
_ORIENTATION: Final = 0x0112
_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def small_jpeg(data: bytes) -> bytes:
    """Return a picture as a JPEG of at most 1568 pixels a side, without what the camera wrote beside it.

    Blocks: call it in a thread.

    Raises:
        Unusable: UNREADABLE, for what is no picture or is broken; TOO_LARGE, above 50 million pixels.
    """
    if len(data) > _FILE_BYTES:
        raise Unusable(MediaError.TOO_LARGE, f"{len(data)} bytes")
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as picture:
            # Known from the header: nothing was decoded yet.
            if picture.width * picture.height > _PIXELS:
                raise Unusable(MediaError.TOO_LARGE, f"{picture.width} x {picture.height} pixels")
            picture.draft("RGB", (_EDGE, _EDGE))
            turn = _turn(picture)
            picture.thumbnail((_EDGE, _EDGE))
            return _saved(picture if turn is None else picture.transpose(turn))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise Unusable(MediaError.TOO_LARGE, "more pixels than are decoded") from error
    except (OSError, ValueError, SyntaxError, IndexError, KeyError, OverflowError) as error:
        raise Unusable(MediaError.UNREADABLE, type(error).__name__) from error


def _turn(picture: Image.Image) -> Image.Transpose | None:
    """Return what turns a picture upright; None when nothing is to do, or when its notes are broken."""
    try:
        # This tag alone: the others may be malformed, and nothing here needs them.
        return _TURNS.get(picture.getexif().get(_ORIENTATION) or 0)
    except (AttributeError, KeyError, OSError, SyntaxError, TypeError, ValueError, struct.error):
        return None


def _saved(picture: Image.Image) -> bytes:
    """Return the pixels alone, on white where they are transparent."""
    layered = picture.convert("RGBA")
    plain = Image.new("RGB", layered.size, "white")
    plain.paste(layered, mask=layered)
    target = io.BytesIO()
    plain.save(target, "JPEG", quality=_QUALITY)
    return target.getvalue()


class OpenAIDescriber:
    """A ``Describer`` over the OpenAI client.

    Args:
        client: the client; its own retries must be off.
        model: the model's name on that server; it must take pictures.
        instructions: what the model is told, for a locale.
        limits: times and tries.
    """

    def __init__(
        self, client: openai.AsyncOpenAI, model: str, instructions: Callable[[str], str], limits: Limits
    ) -> None:
        self._client = client
        self._model = model
        self._instructions = instructions
        self._limits = limits

    async def describe(self, jpeg: bytes, language: str) -> str:
        """Return what a picture shows, in the language of the locale. Raises ModelFailed."""
        return await trying(
            lambda: self._ask(jpeg, language), self._limits, self._limits.transcribe_timeout_ms
        )

    async def _ask(self, jpeg: bytes, language: str) -> str:
        url = f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"
        answer = await self._client.chat.completions.create(
            model=self._model,
            messages=[
                {"role": "system", "content": self._instructions(language)},
                {"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]},
            ],
            max_completion_tokens=_TOKENS,
            timeout=None,
        )
        text = (answer.choices[0].message.content or "").strip()
        if not text:
            raise ModelFailed("no description")
        return text
