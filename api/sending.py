"""What agents send beside texts: files and templates; and taking back what still waits."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from typing import Annotated, Final

from fastapi import APIRouter, File, Form, Header, UploadFile

from api.context import CallerDep, PonteDep, ReaderDep
from api.conversations import ConversationId, MessageId
from api.documented import errors
from api.schemas import MessageOut, MessagePage, TemplateIn, TemplateOut, TemplatePage
from api.views import messages_out
from ponte.adapters.content_type import content_type_of
from ponte.domain.media_rules import MAX_BYTES, rule_for
from ponte.domain.message import Media
from ponte.domain.templates import Template
from ponte.errors import InvalidInput, WrongState

_FORM_BYTES: Final = 64 * 1024
LIMITS: Final = {"*/files": MAX_BYTES + _FORM_BYTES}
"""The most bytes of a request, by the last part of its path; see ``api.middleware.Edge``."""

_MAX_NAME: Final = 200

router = APIRouter(prefix="/v1", tags=["Conversations"], responses=errors(400, 401, 403, 413, 422, 503))

Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        pattern="^[A-Za-z0-9_-]{1,64}$",
        description="The caller's own name for this: a second call with it sends nothing.",
    ),
]


@router.post("/conversations/{conversation_id}/files", status_code=201, responses=errors(404, 409))
async def send_file(  # noqa: PLR0917 - FastAPI passes them by name
    conversation_id: ConversationId,
    file: Annotated[UploadFile, File(description="The file.")],
    caller: CallerDep,
    ponte: PonteDep,
    caption: Annotated[str, Form(max_length=16_000, description="A text to go with it.")] = "",
    key: Key = None,
) -> MessagePage:
    """Send the customer a file. Returns its message, and one for a caption that has to follow it.

    JPEG and PNG up to 5 MB, WebP stickers up to 500 KB; OGG, AMR, 3GP, AAC and MP3 audio, MP4 video, PDF and
    Office documents up to 16 MB. What the file is, its content says. While the 24-hour window is closed the
    messages are `parked`.
    """
    await ponte.desk.may_answer(caller.agent, conversation_id, key)
    content = await file.read()
    content_type = content_type_of(io.BytesIO(content), file.content_type or "")
    name = (file.filename or "").replace("\\", "/").rpartition("/")[2][:_MAX_NAME] or None
    media = Media(url="", content_type=content_type, size=len(content), name=name)
    rule_for(media)
    stored = await ponte.media.put(_once(content), content_type, ponte.clock.now())
    media = Media(url="", content_type=content_type, key=stored.key, size=stored.size, name=name)
    written = await ponte.desk.send_file(caller.agent, conversation_id, media, caption, key=key)
    return MessagePage(items=await messages_out(ponte.store, written), next=None)


@router.get("/templates", responses=errors(502), tags=["Templates"])
async def list_templates(_caller: ReaderDep, ponte: PonteDep) -> TemplatePage:
    """List the content templates of the Twilio account, with WhatsApp's word on each.

    A template in several languages has the same `family`: its name without the language at its end.
    """
    if ponte.templates is None:
        raise InvalidInput("No Twilio account is set, so there are no templates.")
    found = await ponte.templates.templates()
    return TemplatePage(items=[_template_out(t) for t in found], next=None)


@router.post("/conversations/{conversation_id}/template", status_code=201, responses=errors(404, 409, 502))
async def send_template(
    conversation_id: ConversationId,
    wanted: TemplateIn,
    caller: CallerDep,
    ponte: PonteDep,
    key: Key = None,
) -> MessagePage:
    """Send the customer a template: what WhatsApp lets through while the 24-hour window is closed.

    It must be approved then. What is parked stays so until the customer answers.
    """
    written = await ponte.desk.send_template(
        caller.agent, conversation_id, wanted.content_sid, wanted.variables, key=key
    )
    return MessagePage(items=await messages_out(ponte.store, written), next=None)


@router.post("/messages/{message_id}/withdraw", responses=errors(404, 409))
async def withdraw(message_id: MessageId, caller: CallerDep, ponte: PonteDep) -> MessageOut:
    """Cancel a message that is parked until the customer writes."""
    if not await ponte.desk.withdraw(caller.agent, message_id):
        raise WrongState("The message is not parked, so there is nothing to withdraw.")
    return (await messages_out(ponte.store, [await ponte.store.message(message_id)]))[0]


def _template_out(template: Template) -> TemplateOut:
    return TemplateOut(
        content_sid=template.sid,
        name=template.name,
        family=template.family,
        language=template.language,
        body=template.body,
        variables=list(template.variables),
        samples=dict(template.samples),
        approval=template.approval,
        category=template.category or None,
        content_type=template.content_type,
    )


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content
