"""``GET /agent/media/<message id>/<n>``: the files of a message, for who is logged in."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from agent_console.cookies import token_of
from ponte.bootstrap import Ponte
from ponte.domain.agent import Permission
from ponte.errors import NotFound, Unauthenticated
from ponte.media_serving import serving

PATH = "/agent/media/{message_id}/{number:int}"


def media_url(message_id: str, number: int) -> str:
    """Return where the console serves file ``number``, from 0, of a message."""
    return f"/agent/media/{quote(message_id, safe='')}/{number}"


class MessageFiles:
    """The endpoint. The guard has checked that there is a session.

    Args:
        ponte: returns what is open.
    """

    def __init__(self, ponte: Callable[[], Ponte]) -> None:
        self._ponte = ponte

    async def endpoint(self, request: Request) -> Response:
        """Answer with the file, or the part of it that the browser's player asks for."""
        ponte = self._ponte()
        try:
            agent = await ponte.accounts.who(token_of(request))
            if not agent.may(Permission.READ):
                return PlainTextResponse("Your role may not read conversations.", 403)
            files = (await ponte.store.message(request.path_params["message_id"])).media
        except Unauthenticated:
            return PlainTextResponse("Log in first, at /agent/login.", 401)
        except NotFound:
            files = ()
        number: int = request.path_params["number"]
        file = files[number] if number < len(files) else None
        stored = await ponte.media.stat(file.key) if file is not None and file.key else None
        if file is None or stored is None:
            return PlainTextResponse("This file is not kept any more.", 404)
        plan = serving(
            stored,
            name=file.name,
            wanted_range=request.headers.get("range"),
            if_range=request.headers.get("if-range"),
            if_none_match=request.headers.get("if-none-match"),
        )
        if request.method == "HEAD" or plan.start == plan.end:
            return Response(status_code=plan.status, headers=plan.headers)
        return StreamingResponse(
            ponte.media.read(stored.key, plan.start, plan.end), plan.status, plan.headers
        )
