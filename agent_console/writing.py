"""What the composer asks the server for by itself, outside the page's script: files, recordings, the model.

A file must not go through the script's session state, and the model takes seconds for which no run should
wait. Each answer is JSON; a failure has ``error``, a sentence in the agent's language.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Final

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from agent_console.actions import Actions, Outcome, Upload
from agent_console.answering import MOST_JSON, Answer, answered, failed, say_of
from agent_console.cookies import same_origin, token_of
from ponte.audio import VOICE_NOTE, to_voice_note
from ponte.bootstrap import Ponte
from ponte.domain.agent import Agent, Permission
from ponte.domain.media_rules import MAX_BYTES
from ponte.domain.message import Media
from ponte.errors import Forbidden

if TYPE_CHECKING:
    from agent_console.view import Plain

PREFIX: Final = "/agent/write"
# The file, its caption, and what the form's parts cost.
_MOST_BYTES: Final = MAX_BYTES + 128 * 1024
_KEY: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_LONGEST_CAPTION: Final = 16_000


class Writing:
    """The composer's endpoints. The guard has checked that there is a session.

    Args:
        ponte: returns what is open.
    """

    def __init__(self, ponte: Callable[[], Ponte]) -> None:
        self._ponte = ponte

    def routes(self) -> list[Route]:
        """Return the routes, to be matched before the Streamlit mount."""
        posts = {
            "file": self.file,
            "voice": self.voice,
            "draft": self.draft,
            "translate": self.translate,
            "preview": self.preview,
            "canned": self.canned,
            "templates": self.templates,
        }
        return [Route(f"{PREFIX}/{name}", work, methods=["POST"]) for name, work in posts.items()]

    async def file(self, request: Request) -> Response:
        """Send the file of a form: ``conversation``, ``key``, ``caption`` and ``file``."""

        async def send(actions: Actions, form: Mapping[str, str], upload: Upload) -> Outcome:
            caption = form.get("caption", "")[:_LONGEST_CAPTION]
            return await actions.send_file(form["conversation"], upload, caption, form["key"])

        return await self._uploaded(request, send)

    async def voice(self, request: Request) -> Response:
        """Send the recording of a form as a voice note: ``conversation``, ``key`` and ``file``."""

        async def send(actions: Actions, form: Mapping[str, str], upload: Upload) -> Outcome:
            return await self._recorded(actions, form["conversation"], upload.content, form["key"])

        return await self._uploaded(request, send)

    async def draft(self, request: Request) -> Response:
        """Propose an answer: ``{conversation}`` gives ``{text, sources}``."""
        ponte = self._ponte()

        async def work(agent: Agent, sent: Mapping[str, str]) -> Answer:
            found = await ponte.writing.draft(agent, sent["conversation"])
            return {"text": found.text, "sources": list(found.sources)}

        return await answered(request, self._ponte(), work)

    async def translate(self, request: Request) -> Response:
        """Translate messages for the agent: ``{conversation, messages}`` gives ``{texts}`` by message."""
        ponte = self._ponte()

        async def work(agent: Agent, sent: Mapping[str, str]) -> Answer:
            ids = sent["messages"].split()
            found = await ponte.writing.translate(
                agent, sent["conversation"], ids, say_of(request, ponte).locale
            )
            return {"texts": dict(found)}

        return await answered(request, self._ponte(), work)

    async def preview(self, request: Request) -> Response:
        """Translate the agent's text: ``{conversation, text}`` gives ``{text, language}``."""
        ponte = self._ponte()

        async def work(agent: Agent, sent: Mapping[str, str]) -> Answer:
            found = await ponte.writing.into_customers(agent, sent["conversation"], sent["text"])
            say = say_of(request, ponte)
            name = say.maybe(f"language.{found.language.partition('-')[0].lower()}", found.language)
            return {"text": found.text, "language": name}

        return await answered(request, self._ponte(), work)

    async def canned(self, request: Request) -> Response:
        """Return the canned replies, filled in for ``{conversation}``, as ``{items}``."""
        ponte = self._ponte()

        async def work(agent: Agent, sent: Mapping[str, str]) -> Answer:
            found = await ponte.writing.canned(agent, sent["conversation"])
            items: list[Plain] = [
                {"id": c.id, "shortcut": c.shortcut, "title": c.title, "body": c.body, "locale": c.locale}
                for c in found
            ]
            return {"items": items}

        return await answered(request, self._ponte(), work)

    async def templates(self, request: Request) -> Response:
        """Return the templates that may be sent now, as ``{items}``."""
        ponte = self._ponte()

        async def work(agent: Agent, _: Mapping[str, str]) -> Answer:
            if not agent.may(Permission.WORK):
                raise Forbidden(f"The role {agent.role} may not {Permission.WORK}.")
            if ponte.templates is None:
                return {"items": []}
            items: list[Plain] = [
                {
                    "sid": t.sid,
                    "name": t.name,
                    "language": t.language,
                    "body": t.body,
                    "variables": list(t.variables),
                    "samples": dict(t.samples),
                }
                for t in await ponte.templates.templates()
                if t.approved
            ]
            return {"items": items}

        return await answered(request, self._ponte(), work)

    async def _recorded(self, actions: Actions, conversation_id: str, recording: bytes, key: str) -> Outcome:
        ponte = self._ponte()

        async def work(agent: Agent) -> str:
            await ponte.desk.may_answer(agent, conversation_id, key)
            note = await asyncio.to_thread(to_voice_note, recording)
            stored = await ponte.media.put(_once(note.content), VOICE_NOTE, ponte.clock.now())
            media = Media("", "audio/ogg", key=stored.key, size=stored.size, duration_ms=note.duration_ms)
            await ponte.desk.reply_recorded(agent, conversation_id, media, key=key)
            return ""

        return await actions.attempt(work, bad_input="fail.recording")

    async def _uploaded(
        self,
        request: Request,
        send: Callable[[Actions, Mapping[str, str], Upload], Awaitable[Outcome]],
    ) -> Response:
        """Take a form with one file. Its size is known before it is read, or it is not read."""
        ponte = self._ponte()
        say = say_of(request, ponte)
        if not same_origin(request):
            return failed(say("fail.origin"), 403)
        length = request.headers.get("content-length", "")
        if not length.isdecimal() or int(length) > _MOST_BYTES:
            return failed(say("fail.file"), 413)
        try:
            async with request.form(max_files=1, max_fields=4, max_part_size=MOST_JSON) as form:
                file = form.get("file")
                fields = {name: value for name, value in form.items() if isinstance(value, str)}
                if not isinstance(file, UploadFile) or not _named(fields):
                    return failed(say("fail.file"), 422)
                upload = Upload(file.filename or "", file.content_type or "", await file.read())
        except HTTPException:  # what is no form
            return failed(say("fail.file"), 422)
        actions = Actions(ponte, token_of(request), say)
        outcome = await send(actions, fields, upload)
        return JSONResponse({"ok": True}) if outcome.ok else failed(outcome.text, 409)


def _named(fields: Mapping[str, str]) -> bool:
    return bool(fields.get("conversation")) and _KEY.fullmatch(fields.get("key", "")) is not None


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content
