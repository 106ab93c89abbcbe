"""Answers to a component's own questions: a flat JSON object of texts in, a JSON object out.

A failure has ``error``, a sentence in the agent's language, which the query's ``lang`` names.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Final, TypeAlias

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from agent_console.actions import Actions
from agent_console.cookies import same_origin, token_of
from agent_console.i18n import Catalogue, catalogue, choose
from ponte.bootstrap import Ponte
from ponte.domain.agent import Agent
from ponte.errors import PonteError

if TYPE_CHECKING:
    from agent_console.view import Plain

MOST_JSON: Final = 64 * 1024

Answer: TypeAlias = "dict[str, Plain]"
Work: TypeAlias = Callable[[Agent, Mapping[str, str]], Awaitable[Answer]]


async def answered(
    request: Request, ponte: Ponte, work: Work, *, bad_input: str = "fail.aid_input"
) -> Response:
    """Let ``work`` answer for whoever is logged in.

    Args:
        request: a POST from one of our own pages.
        ponte: what is open.
        work: gets the agent and what was sent; a key that is missing is a bad request.
        bad_input: the key of what to say of input that cannot be used.
    """
    say = say_of(request, ponte)
    if not same_origin(request):
        return failed(say("fail.origin"), 403)
    sent = await _read(request)
    if sent is None:
        return failed(say("fail.input"), 422)
    token = token_of(request)
    try:
        return JSONResponse(await work(await ponte.accounts.who(token), sent))
    except KeyError:
        return failed(say("fail.input"), 422)
    except PonteError as error:
        return failed(await Actions(ponte, token, say).words(error, bad_input), 409)


def say_of(request: Request, ponte: Ponte) -> Catalogue:
    """Return the words of the language that the request names."""
    return catalogue(choose([request.query_params.get("lang")], ponte.settings.default_locale))


def failed(text: str, status: int) -> Response:
    """Return a failure with a sentence for the agent."""
    return JSONResponse({"error": text}, status)


async def _read(request: Request) -> dict[str, str] | None:
    """Return the body as a flat object of texts; None for anything else."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_JSON:
            return None
    try:
        sent = json.loads(body)
    except ValueError:
        return None
    if not isinstance(sent, dict) or not all(isinstance(value, str) for value in sent.values()):
        return None
    return sent
