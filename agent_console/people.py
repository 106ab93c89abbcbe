"""The customer's panel: the card, what the bot knew, and for who may: export and erasure."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from agent_console.answering import Answer, Work, answered, say_of
from agent_console.i18n import LOCALES, Catalogue
from agent_console.view import agent_name, filed_as, language_of, name_of, number_of
from ponte.bootstrap import Ponte
from ponte.domain.agent import Agent, Permission
from ponte.domain.decision import HandoffDecision
from ponte.domain.office import Disposition
from ponte.people import Card, Known

if TYPE_CHECKING:
    from agent_console.view import Plain

PREFIX: Final = "/agent/person"
_PERCENT: Final = 100


class People:
    """The panel's endpoints; each gets ``conversation`` and answers with the card as it is then.

    Args:
        ponte: returns what is open.
    """

    def __init__(self, ponte: Callable[[], Ponte]) -> None:
        self._ponte = ponte

    def routes(self) -> list[Route]:
        """Return the routes, to be matched before the Streamlit mount."""
        posts = {
            "card": self.card,
            "known": self.known,
            "note": self.note,
            "drop_note": self.drop_note,
            "labels": self.labels,
            "language": self.language,
            "export": self.export,
            "erase": self.erase,
        }
        return [Route(f"{PREFIX}/{name}", work, methods=["POST"]) for name, work in posts.items()]

    async def card(self, request: Request) -> Response:
        """Return the customer's card."""

        async def work(agent: Agent, sent: Mapping[str, str]) -> Answer:
            return await self._card(request, agent, await self._contact(sent))

        return await self._answered(request, work)

    async def known(self, request: Request) -> Response:
        """Return what the bot knew when it handed the conversation over."""
        ponte = self._ponte()

        async def work(agent: Agent, sent: Mapping[str, str]) -> Answer:
            found = await ponte.people.known(agent, sent["conversation"])
            return known_of(found, say_of(request, ponte))

        return await self._answered(request, work)

    async def note(self, request: Request) -> Response:
        """Add the note ``text``."""

        async def work(agent: Agent, sent: Mapping[str, str]) -> Answer:
            contact_id = await self._contact(sent)
            await self._ponte().people.add_note(agent, contact_id, sent["text"])
            return await self._card(request, agent, contact_id)

        return await self._answered(request, work)

    async def drop_note(self, request: Request) -> Response:
        """Delete the note ``id``."""

        async def work(agent: Agent, sent: Mapping[str, str]) -> Answer:
            contact_id = await self._contact(sent)
            await self._ponte().people.drop_note(agent, contact_id, sent["id"])
            return await self._card(request, agent, contact_id)

        return await self._answered(request, work)

    async def labels(self, request: Request) -> Response:
        """Add the label ``add``, or take the label ``drop`` away."""

        async def work(agent: Agent, sent: Mapping[str, str]) -> Answer:
            contact_id = await self._contact(sent)
            if "drop" in sent:
                await self._ponte().people.label(agent, contact_id, drop=[sent["drop"]])
            else:
                await self._ponte().people.label(agent, contact_id, add=[sent["add"]])
            return await self._card(request, agent, contact_id)

        return await self._answered(request, work)

    async def language(self, request: Request) -> Response:
        """Say which language the customer writes; an empty ``language``: as is detected."""

        async def work(agent: Agent, sent: Mapping[str, str]) -> Answer:
            contact_id = await self._contact(sent)
            await self._ponte().people.set_language(agent, contact_id, sent["language"] or None)
            return await self._card(request, agent, contact_id)

        return await self._answered(request, work)

    async def export(self, request: Request) -> Response:
        """Return all that is kept of the customer, as a text to save."""

        async def work(agent: Agent, sent: Mapping[str, str]) -> Answer:
            contact_id = await self._contact(sent)
            found = await self._ponte().people.export(agent, contact_id)
            return {"name": f"{contact_id}.json", "text": json.dumps(found, ensure_ascii=False, indent=2)}

        return await self._answered(request, work)

    async def erase(self, request: Request) -> Response:
        """Erase all that is kept of the customer, whose number ends in ``digits``."""

        async def work(agent: Agent, sent: Mapping[str, str]) -> Answer:
            contact_id = await self._contact(sent)
            return dict(await self._ponte().people.erase(agent, contact_id, sent["digits"]))

        return await self._answered(request, work, bad_input="fail.digits")

    async def _contact(self, sent: Mapping[str, str]) -> str:
        current = await self._ponte().store.conversation(sent["conversation"])
        return current.contact_id

    async def _card(self, request: Request, agent: Agent, contact_id: str) -> Answer:
        ponte = self._ponte()
        card = await ponte.people.card(agent, contact_id)
        agents = {a.id: a for a in await ponte.store.agents()}
        filed = await ponte.office.dispositions(agent)
        return card_of(card, agent, agents, filed, say_of(request, ponte))

    async def _answered(self, request: Request, work: Work, bad_input: str = "fail.person") -> Response:
        return await answered(request, self._ponte(), work, bad_input=bad_input)


def card_of(
    card: Card, agent: Agent, agents: dict[str, Agent], filed: Sequence[Disposition], say: Catalogue
) -> dict[str, Plain]:
    """Return the card as the panel draws it."""
    contact = card.contact
    override = agent.may(Permission.OVERRIDE)
    detected = card.conversations[0].language if card.conversations else "pt-BR"
    notes: list[Plain] = [
        {
            "id": note.id,
            "at": note.at,
            "who": say("author.you") if note.agent_id == agent.id else agent_name(agents, note.agent_id, say),
            "text": note.text,
            "drop": agent.may(Permission.WORK) and (note.agent_id == agent.id or override),
        }
        for note in reversed(contact.notes)
    ]
    past: list[Plain] = [
        {
            "id": c.id,
            "at": c.opened_at,
            "label": say(f"status.{c.status}"),
            "disposition": filed_as(c.disposition, filed, say) if c.disposition else None,
            "preview": c.preview,
        }
        for c in card.conversations
    ]
    return {
        "name": name_of(contact),
        "number": number_of(contact),
        "since": contact.created_at,
        "last_at": contact.last_inbound_at,
        "opted_out_at": contact.opted_out_at,
        "memory": contact.memory,
        "labels": list(contact.labels),
        "language": contact.language or "",
        "languages": _languages(contact.language, detected, say),
        "notes": notes,
        "conversations": past,
        "more": card.more,
        "may_write": agent.may(Permission.WORK),
        "may_erase": agent.may(Permission.ERASE),
    }


def _languages(chosen: str | None, detected: str, say: Catalogue) -> list[Plain]:
    tags = [*LOCALES, *([chosen] if chosen and chosen not in LOCALES else [])]
    detect = say("person.detected", language=language_of(detected, say))
    found: list[Plain] = [{"id": "", "label": detect}]
    found += [{"id": tag, "label": language_of(tag, say)} for tag in tags]
    return found


def known_of(known: Known, say: Catalogue) -> dict[str, Plain]:
    """Return what the bot knew as the panel draws it."""
    return {
        "decisions": [_decision(decision, say) for decision in reversed(known.decisions)],
        "sources": list(known.sources),
        "prompt": known.prompt_version,
        "memory": known.memory,
    }


def _decision(decision: HandoffDecision, say: Catalogue) -> dict[str, Plain]:
    """Return a decision: figures as per cent where they are shares."""
    bounds = dict(decision.thresholds)
    figures: list[Plain] = [
        {"name": _figure(name, say), "value": _share(value), "bound": _share(bounds.get(name))}
        for name, value in decision.scores
    ]
    trigger = decision.trigger
    return {
        "at": decision.at,
        "seq": decision.seq,
        "label": say(f"trigger.{trigger}") if trigger else say("known.bot"),
        "human": trigger is not None,
        "phrase": decision.phrase,
        "figures": figures,
    }


def _figure(name: str, say: Catalogue) -> str:
    return say.maybe(f"figure.{name}", say.maybe(f"trigger.{name}", name))


def _share(value: float | None) -> str | None:
    if value is None:
        return None
    return f"{round(value * _PERCENT)}%" if 0 <= value <= 1 else f"{value:g}"
