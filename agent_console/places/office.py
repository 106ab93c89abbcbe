"""The office: agents, logins, canned replies, labels, dispositions, templates and the audit log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from agent_console.office import audit, lists, staff
from agent_console.places.parts import Parts, draw_parts
from ponte.domain.agent import Permission

if TYPE_CHECKING:
    from agent_console.frame import Visit

PARTS: Final[Parts] = {
    "agents": (Permission.MANAGE, staff.draw),
    "canned": (Permission.CURATE, lists.canned),
    "labels": (Permission.CURATE, lists.labels),
    "dispositions": (Permission.MANAGE, lists.dispositions),
    "templates": (Permission.CURATE, lists.templates),
    "audit": (Permission.MANAGE, audit.draw),
}


def draw(visit: Visit) -> None:
    """Draw the page."""
    draw_parts(visit, "office", PARTS)
