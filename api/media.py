"""Files: to Twilio by short-lived signed links, to agents by their session."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Request, Response
from starlette.responses import StreamingResponse

from api.context import PonteDep, ReaderDep
from api.documented import errors
from ponte.bootstrap import Ponte
from ponte.errors import NotFound
from ponte.media_serving import serving

router = APIRouter(tags=["Media"])

Token = Annotated[str, Path(max_length=1_000, description="From a link that Ponte made.")]
MessageId = Annotated[str, Path(max_length=300, description="The message.")]
Number = Annotated[int, Path(ge=0, le=1_000, description="Which of the message's files, from 0.")]

_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "The file.", "content": {"application/octet-stream": {}}},
    206: {"description": "The part that `Range` asked for.", "content": {"application/octet-stream": {}}},
    304: {"description": "The file is the one that `If-None-Match` names."},
    416: {"description": "`Range` begins behind the file's end."},
}


@router.get(
    "/media/{token}", response_class=Response, responses={**_RESPONSES, **errors(404, 422)}, name="media"
)
async def media(token: Token, request: Request, ponte: PonteDep) -> Response:
    """Fetch a file by its link. Links end an hour after they were made."""
    return await _served(ponte, request, ponte.links.open(token))


@router.head("/media/{token}", include_in_schema=False)
async def media_head(token: Token, request: Request, ponte: PonteDep) -> Response:
    """Tell of a file what GET would."""
    return await _served(ponte, request, ponte.links.open(token))


@router.get(
    "/v1/messages/{message_id}/media/{number}",
    response_class=Response,
    responses={**_RESPONSES, **errors(401, 403, 404, 422)},
)
async def message_media(
    message_id: MessageId, number: Number, request: Request, caller: ReaderDep, ponte: PonteDep
) -> Response:
    """Fetch a file of a message, as an agent. Files are kept for RETENTION_DAYS."""
    del caller
    return await _of_message(ponte, request, message_id, number)


@router.head("/v1/messages/{message_id}/media/{number}", include_in_schema=False)
async def message_media_head(
    message_id: MessageId, number: Number, request: Request, caller: ReaderDep, ponte: PonteDep
) -> Response:
    """Tell of a file what GET would."""
    del caller
    return await _of_message(ponte, request, message_id, number)


async def _of_message(ponte: Ponte, request: Request, message_id: str, number: int) -> Response:
    files = (await ponte.store.message(message_id)).media
    key = files[number].key if number < len(files) else None
    if key is None:
        raise NotFound("This message has no such file, or Twilio did not hand it out.")
    return await _served(ponte, request, key, name=files[number].name)


async def _served(ponte: Ponte, request: Request, key: str, *, name: str | None = None) -> Response:
    stored = await ponte.media.stat(key)
    if stored is None:
        raise NotFound("This file is not kept any more.")
    plan = serving(
        stored,
        name=name,
        wanted_range=request.headers.get("range"),
        if_range=request.headers.get("if-range"),
        if_none_match=request.headers.get("if-none-match"),
    )
    if request.method == "HEAD" or plan.start == plan.end:
        return Response(status_code=plan.status, headers=plan.headers)
    return StreamingResponse(ponte.media.read(key, plan.start, plan.end), plan.status, plan.headers)
