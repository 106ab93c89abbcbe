"""Turn the floor into the plain values that its component draws. Pure; times stay ms UTC."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent_console.view import agent_name, name_of

if TYPE_CHECKING:
    from agent_console.i18n import Catalogue
    from agent_console.view import Plain
    from ponte.domain.agent import Agent
    from ponte.floor import Case, Desk, Floor


def draw_floor(
    floor: Floor, say: Catalogue, *, address: str, notice: dict[str, str] | None
) -> dict[str, Plain]:
    """Return what the floor component draws.

    Args:
        floor: what there is.
        say: the words.
        address: of the inbox; a conversation's id is put behind it.
        notice: what came of the last action.
    """
    agents = {desk.agent.id: desk.agent for desk in floor.desks}
    looking = _looking(floor)
    hours = floor.policy.hours
    return {
        "locale": say.locale,
        "now": floor.now,
        "address": address,
        "closed": say("floor.closed") if hours is not None and not hours.open_at(floor.now) else None,
        "tiles": _tiles(floor, say),
        "queue": [_case(case, agents, looking, say) for case in floor.waiting],
        "more": say.number("floor.more", floor.waiting_count - len(floor.waiting))
        if floor.waiting_count > len(floor.waiting)
        else None,
        "late_behind": floor.late_behind,
        "late_uncounted": floor.late_uncounted,
        "desks": [_desk(desk, agents, looking, say) for desk in floor.desks],
        "targets": [
            {"id": desk.agent.id, "label": _target(desk, say)}
            for desk in floor.desks
            if not desk.agent.disabled
        ],
        "targets_met": {
            "wait": _minutes(floor.policy.wait_ms, say),
            "reply": _minutes(floor.policy.first_reply_ms, say),
        },
        "notice": dict(notice) if notice else None,
        "texts": dict(say.part("floor.", "app.just_now")),
    }


def _tiles(floor: Floor, say: Catalogue) -> list[Plain]:
    online = sum(desk.present is not None for desk in floor.desks)
    counts = {"waiting": floor.waiting_count, "held": floor.held_count, "online": online}
    return [{"id": name, "label": say(f"floor.tile.{name}"), "value": n} for name, n in counts.items()]


def _desk(
    desk: Desk, agents: dict[str, Agent], looking: dict[str, list[str]], say: Catalogue
) -> dict[str, Plain]:
    present = desk.present
    return {
        "id": desk.agent.id,
        "name": desk.agent.name,
        "role": say(f"role.{desk.agent.role}"),
        "online": present is not None,
        "since": present.since if present else None,
        "held": desk.held,
        "load": say.number("floor.load", desk.held) if desk.held else say("floor.load.none"),
        "snoozed": say.number("floor.snoozed", desk.snoozed) if desk.snoozed else None,
        "on": [_seen(conversation_id, desk, say) for conversation_id in present.looking] if present else [],
        "cases": [_case(case, agents, looking, say) for case in desk.cases],
        "more": say.number("floor.more", desk.held - desk.snoozed - len(desk.cases))
        if desk.held - desk.snoozed > len(desk.cases)
        else None,
    }


def _seen(conversation_id: str, desk: Desk, say: Catalogue) -> dict[str, Plain]:
    """A conversation that an agent has before their eyes; its customer's name where it is theirs."""
    own = next((case for case in desk.cases if case.conversation.id == conversation_id), None)
    typing = desk.present is not None and conversation_id in desk.present.typing
    name = name_of(own.contact) if own else say("floor.another")
    return {"id": conversation_id, "name": name, "typing": typing}


def _case(
    case: Case, agents: dict[str, Agent], looking: dict[str, list[str]], say: Catalogue
) -> dict[str, Plain]:
    conversation = case.conversation
    handoff, stretch = conversation.handoff, conversation.stretch
    waiting = conversation.agent_id is None
    begun = conversation.waiting_since if waiting else (stretch.claimed_at if stretch else None)
    tag = conversation.language
    return {
        "id": conversation.id,
        "name": name_of(case.contact),
        "waiting": waiting,
        "since": begun or conversation.updated_at,
        "due": case.due_at,
        "unanswered": conversation.unanswered_since if not waiting else None,
        "holder": None if waiting else agent_name(agents, conversation.agent_id, say),
        "trigger": say.maybe(f"trigger.{handoff.trigger}", handoff.trigger) if handoff else None,
        "why": handoff.reason if handoff else "",
        "summary": handoff.summary if handoff else "",
        "priority": say.maybe(f"floor.priority.{conversation.priority}", "") or None,
        "language": tag.partition("-")[0].upper(),
        "language_name": say.maybe(f"language.{tag.partition('-')[0].lower()}", tag),
        "watched": ", ".join(looking.get(conversation.id, ())) or None,
        "transfers": say.number("floor.transfers", stretch.transfers)
        if stretch is not None and stretch.transfers
        else None,
    }


def _looking(floor: Floor) -> dict[str, list[str]]:
    """Who looks at a conversation that is not theirs, by the conversation's id."""
    found: dict[str, list[str]] = {}
    holders = {case.conversation.id: desk.agent.id for desk in floor.desks for case in desk.cases}
    for desk in floor.desks:
        for conversation_id in desk.present.looking if desk.present else ():
            if holders.get(conversation_id) != desk.agent.id:
                found.setdefault(conversation_id, []).append(desk.agent.name)
    return found


def _target(desk: Desk, say: Catalogue) -> str:
    state = say("floor.online" if desk.present else "floor.offline")
    return say("floor.target", name=desk.agent.name, state=state.lower(), count=desk.held)


def _minutes(ms: int | None, say: Catalogue) -> str | None:
    return None if ms is None else say.number("floor.minutes", ms // 60_000)
