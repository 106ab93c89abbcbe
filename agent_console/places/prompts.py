"""Prompts: versions and differences, the last evaluation, the decision ledger, and the playground."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from agent_console.places.parts import Parts, draw_parts
from agent_console.prompting import evals, ledger, playground, versions
from ponte.domain.agent import Permission

if TYPE_CHECKING:
    from agent_console.frame import Visit

PARTS: Final[Parts] = {
    "versions": (Permission.PROMPTS, versions.draw),
    "diff": (Permission.PROMPTS, versions.diff),
    "evals": (Permission.PROMPTS, evals.draw),
    "ledger": (Permission.PROMPTS, ledger.draw),
    "try": (Permission.ENGINEER, playground.draw),
}


def draw(visit: Visit) -> None:
    """Draw the page."""
    draw_parts(visit, "prompts", PARTS)
