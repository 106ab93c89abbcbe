"""Log in, log out, and who is who."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from api.context import CallerDep, PonteDep
from api.documented import errors
from api.schemas import AgentPage, ColleagueOut, SessionIn, SessionOut
from api.views import colleague_out, moment
from ponte.accounts import SESSION_MS
from ponte.domain.agent import Permission

router = APIRouter(prefix="/v1", tags=["Agents"], responses=errors(400, 413, 422, 503))


@router.post("/sessions", status_code=201, responses=errors(401, 429))
async def log_in(login: SessionIn, request: Request, ponte: PonteDep) -> SessionOut:
    """Log in, and get the token that every other call needs.

    Tries are counted per account and per client address. Behind a proxy the address is the one that uvicorn
    takes from X-Forwarded-For, from the proxies named in FORWARDED_ALLOW_IPS only.
    """
    address = request.client.host if request.client else "local"
    now = ponte.clock.now()
    token, agent = await ponte.accounts.log_in(login.email, login.password.get_secret_value(), address)
    return SessionOut(token=token, agent=colleague_out(agent), expires_at=moment(now + SESSION_MS))


@router.delete("/sessions/current", status_code=204, responses=errors(401))
async def log_out(caller: CallerDep, ponte: PonteDep) -> Response:
    """Log out: the token ends at once, and with it its event streams."""
    await ponte.accounts.log_out(caller.token)
    return Response(status_code=204)


@router.get("/me", responses=errors(401))
async def me(caller: CallerDep) -> ColleagueOut:
    """Tell who the token belongs to."""
    return colleague_out(caller.agent)


@router.get("/agents", responses=errors(401))
async def agents(_caller: CallerDep, ponte: PonteDep) -> AgentPage:
    """List the agents to whom a conversation can be transferred."""
    everybody = await ponte.store.agents()
    return AgentPage(
        items=[colleague_out(a) for a in everybody if not a.disabled and a.may(Permission.WORK)], next=None
    )
