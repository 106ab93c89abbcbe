"""The floor for supervisors' programs: who waits, who is here, and what each agent holds."""

from __future__ import annotations

from fastapi import APIRouter

from api.context import PonteDep
from api.documented import errors
from api.report_schemas import CaseOut, DeskOut, FloorOut
from api.reports import SupervisorDep
from api.schemas import AgentOut
from api.views import contact_out, moment
from ponte.floor import Case, Desk

router = APIRouter(prefix="/v1", tags=["Reports"], responses=errors(401, 403, 503))


@router.get("/floor")
async def get_floor(caller: SupervisorDep, ponte: PonteDep) -> FloorOut:
    """Show who waits and until when they are to be taken, who is online, and what each agent holds."""
    floor = await ponte.floor.look(caller.agent)
    hours = floor.policy.hours
    return FloorOut(
        at=moment(floor.now),
        human_hours=None if hours is None else hours.open_at(floor.now),
        waiting_count=floor.waiting_count,
        held_count=floor.held_count,
        late_count=floor.late,
        waiting=[_case_out(case) for case in floor.waiting],
        desks=[_desk_out(desk) for desk in floor.desks],
    )


def _desk_out(desk: Desk) -> DeskOut:
    return DeskOut(
        agent=AgentOut(id=desk.agent.id, name=desk.agent.name),
        online_since=_moment(desk.present.since if desk.present else None),
        looking_at=list(desk.present.looking) if desk.present else [],
        held=desk.held,
        snoozed=desk.snoozed,
        cases=[_case_out(case) for case in desk.cases],
    )


def _case_out(case: Case) -> CaseOut:
    conversation = case.conversation
    return CaseOut(
        id=conversation.id,
        contact=contact_out(case.contact) if case.contact else None,
        trigger=conversation.handoff.trigger if conversation.handoff else None,
        priority=conversation.priority,
        language=conversation.language,
        asked_at=_moment(conversation.stretch.asked_at if conversation.stretch else None),
        waiting_since=_moment(conversation.waiting_since),
        due_at=_moment(case.due_at),
    )


def _moment(ms: int | None) -> str | None:
    return None if ms is None else moment(ms)
