"""An agent's recording, as a voice note for the customer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Final

from fastapi import APIRouter, Header, Request

from api.context import CallerDep, PonteDep
from api.conversations import ConversationId
from api.documented import errors
from api.schemas import MessagePage
from api.views import messages_out
from ponte.audio import MAX_BYTES, VOICE_NOTE, to_voice_note
from ponte.domain.message import Media

# By the last part of the path; see ``api.middleware.Edge``.
LIMITS: Final = {"*/voice": MAX_BYTES}

_RECORDING: Final = {
    "requestBody": {
        "required": True,
        "description": "The recording as it is: Ogg, WebM, MP4, MP3, AAC, AMR, WAV, FLAC or CAF.",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}

router = APIRouter(prefix="/v1", tags=["Conversations"], responses=errors(400, 401, 403, 413, 422, 503))


@router.post(
    "/conversations/{conversation_id}/voice",
    status_code=201,
    responses=errors(404, 409),
    openapi_extra=_RECORDING,
)
async def send_recording(
    conversation_id: ConversationId,
    request: Request,
    caller: CallerDep,
    ponte: PonteDep,
    idempotency_key: Annotated[
        str | None,
        Header(
            pattern="^[A-Za-z0-9_-]{1,64}$",
            description="The caller's own name for this recording: a second call with it sends nothing.",
        ),
    ] = None,
) -> MessagePage:
    """Send a recording to the customer as a voice note. Returns the message that was queued.

    At most 16 MB and 10 minutes, of any kind that browsers and phones record; it is converted to what
    WhatsApp plays. Only the holder may. While WhatsApp's 24-hour window is closed the message is `parked`.
    """
    await ponte.desk.may_answer(caller.agent, conversation_id, idempotency_key)
    note = await asyncio.to_thread(to_voice_note, await request.body())
    stored = await ponte.media.put(_once(note.content), VOICE_NOTE, ponte.clock.now())
    recording = Media(
        url="",
        content_type="audio/ogg",
        key=stored.key,
        size=stored.size,
        duration_ms=note.duration_ms,
    )
    written = await ponte.desk.reply_recorded(caller.agent, conversation_id, recording, key=idempotency_key)
    return MessagePage(items=await messages_out(ponte.store, written), next=None)


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content
