"""What administrators keep: agents and their logins, canned replies, labels, dispositions, the audit log."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response

from api.context import CallerDep, PonteDep
from api.documented import errors
from api.office_schemas import (
    AgentAddedOut,
    AgentChangeIn,
    AgentIn,
    AuditEntryOut,
    AuditOut,
    CannedIn,
    CannedOut,
    CannedReplyOut,
    DispositionIn,
    DispositionOut,
    DispositionsOut,
    EndedOut,
    LabelIn,
    LabelOut,
    LabelsOut,
    LoginOut,
    LoginsOut,
    Names,
    PasswordIn,
    StaffMemberOut,
    StaffOut,
)
from api.views import moment
from ponte.domain.agent import Agent
from ponte.domain.office import CannedReply, Disposition, Label
from ponte.errors import NotFound
from ponte.office import days_only
from ponte.ports import AuditFilter
from ponte.staff import session_id

router = APIRouter(prefix="/v1/office", tags=["Office"], responses=errors(400, 401, 403, 422, 503))

AgentId = Annotated[str, Path(max_length=200, description="The agent.", examples=["ag_5f0c"])]
ItemId = Annotated[str, Path(max_length=200, description="Its id.")]


@router.get("/agents")
async def list_agents(caller: CallerDep, ponte: PonteDep) -> StaffOut:
    """List all agents. For admins."""
    return StaffOut(items=[_member(agent) for agent in await ponte.staff.agents(caller.agent)])


@router.post("/agents", status_code=201)
async def add_agent(wish: AgentIn, caller: CallerDep, ponte: PonteDep) -> AgentAddedOut:
    """Create an agent. Without a password one is made; it is shown in this answer alone. For admins."""
    agent, password = await ponte.staff.add(
        caller.agent, wish.email, wish.name, wish.role, _given(wish.password)
    )
    return AgentAddedOut(agent=_member(agent), password=None if wish.password else password)


@router.patch("/agents/{agent_id}", responses=errors(404, 409))
async def change_agent(
    agent_id: AgentId, wish: AgentChangeIn, caller: CallerDep, ponte: PonteDep
) -> StaffMemberOut:
    """Rename an agent, change the role, disable or enable them. For admins.

    A disabled agent is logged out, and what they hold goes back to the queue. Nobody disables or demotes
    themselves, nor the last admin.
    """
    changed = await ponte.staff.change(
        caller.agent, agent_id, name=wish.name, role=wish.role, disabled=wish.disabled
    )
    return _member(changed)


@router.post("/agents/{agent_id}/password", responses=errors(404, 409))
async def set_password(
    agent_id: AgentId, wish: PasswordIn, caller: CallerDep, ponte: PonteDep
) -> AgentAddedOut:
    """Give an agent another password, and end their logins. For admins."""
    agent, password = await ponte.staff.set_password(caller.agent, agent_id, _given(wish.password))
    return AgentAddedOut(agent=_member(agent), password=None if wish.password else password)


@router.get("/agents/{agent_id}/sessions", responses=errors(404))
async def list_sessions(agent_id: AgentId, caller: CallerDep, ponte: PonteDep) -> LoginsOut:
    """List an agent's valid logins, the newest first. For admins."""
    found = await ponte.staff.sessions(caller.agent, agent_id)
    return LoginsOut(
        items=[
            LoginOut(
                id=session_id(login),
                created_at=moment(login.created_at),
                expires_at=moment(login.expires_at),
            )
            for login in found
        ]
    )


@router.delete("/agents/{agent_id}/sessions/{session}", status_code=204, responses=errors(404))
async def end_session(agent_id: AgentId, session: ItemId, caller: CallerDep, ponte: PonteDep) -> None:
    """End one login. For admins."""
    await ponte.staff.end_session(caller.agent, agent_id, session)


@router.delete("/agents/{agent_id}/sessions", responses=errors(404))
async def end_sessions(agent_id: AgentId, caller: CallerDep, ponte: PonteDep) -> EndedOut:
    """End all logins of an agent. For admins."""
    return EndedOut(ended=await ponte.staff.end_sessions(caller.agent, agent_id))


@router.get("/canned")
async def list_canned(caller: CallerDep, ponte: PonteDep) -> CannedOut:
    """List the canned replies as they are written, by shortcut."""
    return CannedOut(items=[_canned(reply) for reply in await ponte.office.canned(caller.agent)])


@router.post("/canned", status_code=201, responses=errors(409))
async def add_canned(wish: CannedIn, caller: CallerDep, ponte: PonteDep) -> CannedReplyOut:
    """Add a canned reply. For supervisors and admins."""
    return _canned(await ponte.office.put_canned(caller.agent, _reply(wish, "")))


@router.put("/canned/{item_id}", responses=errors(404, 409))
async def change_canned(
    item_id: ItemId, wish: CannedIn, caller: CallerDep, ponte: PonteDep
) -> CannedReplyOut:
    """Replace a canned reply. For supervisors and admins."""
    return _canned(await ponte.office.put_canned(caller.agent, _reply(wish, item_id)))


@router.delete("/canned/{item_id}", status_code=204, responses=errors(404))
async def drop_canned(item_id: ItemId, caller: CallerDep, ponte: PonteDep) -> None:
    """Delete a canned reply. For supervisors and admins."""
    await ponte.office.drop_canned(caller.agent, item_id)


@router.get("/labels")
async def list_labels(caller: CallerDep, ponte: PonteDep) -> LabelsOut:
    """List the labels that agents are offered, by name."""
    found = await ponte.office.labels(caller.agent)
    return LabelsOut(items=[LabelOut(name=label.name, colour=label.colour) for label in found])


@router.put("/labels")
async def put_label(wish: LabelIn, caller: CallerDep, ponte: PonteDep) -> LabelOut:
    """Add a label, or replace the one of this name, whatever its case. For supervisors and admins."""
    kept = await ponte.office.put_label(caller.agent, Label(wish.name, wish.colour))
    return LabelOut(name=kept.name, colour=kept.colour)


@router.delete("/labels", status_code=204, responses=errors(404))
async def drop_label(
    name: Annotated[str, Query(max_length=200, description="As agents see it.", examples=["Matrícula"])],
    caller: CallerDep,
    ponte: PonteDep,
) -> None:
    """Take a label off the list; conversations keep it. For supervisors and admins."""
    await ponte.office.drop_label(caller.agent, name)


@router.get("/dispositions")
async def list_dispositions(caller: CallerDep, ponte: PonteDep) -> DispositionsOut:
    """List the dispositions in order, the retired ones included."""
    found = await ponte.office.dispositions(caller.agent)
    return DispositionsOut(items=[_disposition(one) for one in found])


@router.post("/dispositions", status_code=201)
async def add_disposition(wish: DispositionIn, caller: CallerDep, ponte: PonteDep) -> DispositionOut:
    """Add a disposition at the end. For admins."""
    wanted = Disposition("", wish.names.pairs(), 0, retired=wish.retired)
    return _disposition(await ponte.office.put_disposition(caller.agent, wanted))


@router.put("/dispositions/{item_id}", responses=errors(404))
async def change_disposition(
    item_id: ItemId, wish: DispositionIn, caller: CallerDep, ponte: PonteDep
) -> DispositionOut:
    """Rename, move or retire a disposition. For admins."""
    known = {one.id: one for one in await ponte.office.dispositions(caller.agent)}
    if item_id not in known:
        raise NotFound("There is no such disposition.")
    position = known[item_id].position if wish.position is None else wish.position
    wanted = Disposition(item_id, wish.names.pairs(), position, retired=wish.retired)
    return _disposition(await ponte.office.put_disposition(caller.agent, wanted))


async def _audit_filter(
    ponte: PonteDep,
    *,
    actor: Annotated[
        str | None, Query(max_length=200, description="An agent's id, `bot`, `operator` or `worker`.")
    ] = None,
    action: Annotated[str | None, Query(max_length=60, description="What was done.")] = None,
    conversation: Annotated[str | None, Query(max_length=200, description="To which conversation.")] = None,
    first: Annotated[date | None, Query(alias="from", description="From this day on, the company's.")] = None,
    last: Annotated[date | None, Query(alias="to", description="Up to this day.")] = None,
) -> AuditFilter:
    wanted = AuditFilter(actor or None, action or None, conversation or None)
    return days_only(wanted, first, last, (await ponte.reports.policy()).timezone)


AuditFilterDep = Annotated[AuditFilter, Depends(_audit_filter)]


@router.get("/audit")
async def get_audit(
    caller: CallerDep,
    ponte: PonteDep,
    wanted: AuditFilterDep,
    after: Annotated[str | None, Query(max_length=200, description="`next` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=200, description="The most entries.")] = 50,
) -> AuditOut:
    """List who did what to which conversation, the newest first. For admins."""
    page = await ponte.office.audit(caller.agent, wanted, after=after or None, limit=limit)
    return AuditOut(
        items=[
            AuditEntryOut(
                id=entry.id,
                at=moment(entry.at),
                actor=entry.actor,
                action=entry.action,
                conversation_id=entry.conversation_id,
                detail=entry.detail,
            )
            for entry in page.items
        ],
        next=page.next,
    )


@router.get(
    "/audit.csv",
    response_class=Response,
    responses={200: {"description": "A row an entry.", "content": {"text/csv": {}}}},
)
async def get_audit_csv(caller: CallerDep, ponte: PonteDep, wanted: AuditFilterDep) -> Response:
    """Give the newest 10,000 entries as CSV; cells that a spreadsheet would run begin with `'`."""
    return Response(
        await ponte.office.audit_csv(caller.agent, wanted),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="ponte-audit.csv"'},
    )


def _given(password: str | None) -> str | None:
    return password or None


def _member(agent: Agent) -> StaffMemberOut:
    return StaffMemberOut(
        id=agent.id,
        email=agent.email,
        name=agent.name,
        role=agent.role,
        disabled=agent.disabled,
        created_at=moment(agent.created_at),
    )


def _reply(wish: CannedIn, item_id: str) -> CannedReply:
    return CannedReply(item_id, wish.shortcut, wish.title, wish.body, wish.locale or "")


def _canned(reply: CannedReply) -> CannedReplyOut:
    return CannedReplyOut(
        id=reply.id,
        shortcut=reply.shortcut,
        title=reply.title,
        body=reply.body,
        locale=reply.locale or None,
    )


def _disposition(one: Disposition) -> DispositionOut:
    return DispositionOut(id=one.id, names=Names.of(one.names), position=one.position, retired=one.retired)
