"""What a request handler can reach: the open resources, and who is calling."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from ponte.bootstrap import Ponte
from ponte.domain.agent import Agent, Permission
from ponte.errors import Forbidden, Unauthenticated


def ponte_of(request: Request) -> Ponte:
    """Return the open resources. The lifespan of ``api.app`` puts them there."""
    ponte: Ponte = request.app.state.ponte
    return ponte


def closing_of(request: Request) -> asyncio.Event:
    """Return the event that is set when the server begins to shut down."""
    closing: asyncio.Event = request.app.state.closing
    return closing


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is calling, and with which bearer token."""

    agent: Agent
    token: str


_bearer = HTTPBearer(
    auto_error=False,
    scheme_name="AgentSession",
    description="The token of POST /v1/sessions. It ends after 12 hours, at log-out, or with the account.",
)


async def _caller(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> Caller:
    """Find out who is calling. Raises Unauthenticated."""
    if credentials is None:
        raise Unauthenticated("Log in with POST /v1/sessions and send its token: Authorization: Bearer ...")
    return Caller(await ponte_of(request).accounts.who(credentials.credentials), credentials.credentials)


async def _reader(caller: Annotated[Caller, Depends(_caller)]) -> Caller:
    """Let only those pass who may read conversations. Raises Forbidden."""
    if not caller.agent.may(Permission.READ):
        raise Forbidden(f"The role {caller.agent.role} may not {Permission.READ}.")
    return caller


PonteDep = Annotated[Ponte, Depends(ponte_of)]
CallerDep = Annotated[Caller, Depends(_caller)]
ReaderDep = Annotated[Caller, Depends(_reader)]
