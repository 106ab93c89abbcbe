"""The console's pure parts: what is allowed, its words, what the browser is told."""

from __future__ import annotations

import re

import pytest

from agent_console import view
from agent_console.i18n import LOCALES, accepted, catalogue, choose
from agent_console.rules import Allowed, allowed
from ponte.domain.agent import Agent, Role
from ponte.domain.contact import Contact
from ponte.domain.conversation import Conversation, Status, Trigger
from ponte.domain.message import Author, Kind, MessageStatus

ME = "ag_me"
OTHER = "ag_other"
_PLACE = re.compile(r"\{(\w+)\}")


def _agent(role: Role = Role.AGENT) -> Agent:
    return Agent(ME, "me@ponte.example", "Eu", role, "", 0)


def _conversation(status: Status, holder: str | None = None) -> Conversation:
    return Conversation("cv", "ct", "th", opened_at=0, updated_at=0, status=status, agent_id=holder)


def _rules(role: Role, status: Status, holder: str | None = None) -> Allowed:
    return allowed(_agent(role), _conversation(status, holder), colleagues=1)


@pytest.mark.parametrize(
    ("role", "status", "holder", "expected"),
    [
        (Role.AGENT, Status.AWAITING_AGENT, None, "claim transfer give_back resolve note"),
        (Role.AGENT, Status.AGENT_ACTIVE, ME, "reply transfer give_back resolve note"),
        (Role.AGENT, Status.AGENT_ACTIVE, OTHER, "note"),
        (Role.SUPERVISOR, Status.AGENT_ACTIVE, OTHER, "reply transfer give_back resolve note"),
        (Role.ADMIN, Status.AWAITING_AGENT, None, "claim transfer give_back resolve note"),
        (Role.AGENT, Status.BOT_ACTIVE, None, "note"),
        (Role.AGENT, Status.RESOLVED, None, "note"),
        (Role.PROMPT_ENGINEER, Status.AWAITING_AGENT, None, ""),
    ],
)
def test_what_is_allowed(role: Role, status: Status, holder: str | None, expected: str) -> None:
    """Role, state and holder decide together which actions are on."""
    rules = _rules(role, status, holder)
    actions = ("claim", "reply", "note", "transfer", "give_back", "resolve")
    assert {name for name in actions if getattr(rules, name) is None} == set(expected.split())


def test_every_refusal_has_words() -> None:
    """Whatever is not allowed has a reason that each catalogue can say."""
    for role in Role:
        for status in Status:
            for holder in (None, ME, OTHER):
                rules = _rules(role, status, holder)
                for key in (rules.claim, rules.reply, rules.transfer, rules.give_back, rules.resolve):
                    for locale in LOCALES:
                        assert key is None or catalogue(locale)(key, name="X")


def test_a_waiting_conversation_needs_somebody_to_go_to() -> None:
    """Without a colleague a conversation in the queue cannot be transferred."""
    rules = allowed(_agent(), _conversation(Status.AWAITING_AGENT), colleagues=0)
    assert rules.transfer == "deny.nobody_else"


@pytest.mark.parametrize("locale", LOCALES)
def test_the_catalogues_agree(locale: str) -> None:
    """Every language has the same texts with the same places to fill."""
    reference, other = catalogue("pt-BR").words, catalogue(locale).words
    assert list(other) == list(reference)
    for key, text in other.items():
        assert text.strip()
        assert set(_PLACE.findall(text)) == set(_PLACE.findall(reference[key])), key


@pytest.mark.parametrize(
    ("locale", "count", "text"),
    [
        ("pt-BR", 0, "0 não lida"),
        ("pt-BR", 1, "1 não lida"),
        ("pt-BR", 2, "2 não lidas"),
        ("en", 0, "0 unread"),
        ("en", 1, "1 unread"),
    ],
)
def test_a_plural_follows_the_language(locale: str, count: int, text: str) -> None:
    """A number takes the form of its language: Portuguese counts zero as singular."""
    assert catalogue(locale).number("queue.unread", count) == text


def test_every_name_of_the_domain_has_words() -> None:
    """A new status, trigger, author, kind or delivery status needs its text."""
    words = catalogue("pt-BR").words
    keys = [f"status.{s}" for s in Status] + [f"trigger.{t}" for t in Trigger]
    keys += [f"author.{a}" for a in Author] + [f"role.{r}" for r in Role]
    keys += [f"kind.{k}" for k in Kind if k is not Kind.TEXT] + ["disposition.idle"]
    inbound = {MessageStatus.RECEIVED, MessageStatus.INTERNAL}
    keys += [f"delivery.{s}" for s in MessageStatus if s not in inbound]
    assert [key for key in keys if key not in words] == []


@pytest.mark.parametrize(
    ("wishes", "locale"),
    [
        (["en", "pt-BR"], "en"),
        ([None, "es-419"], "es"),
        (["pt_PT"], "pt-BR"),
        (["fr", "de"], "pt-BR"),
        ([], "pt-BR"),
        (["<script>"], "pt-BR"),
    ],
)
def test_the_language_is_chosen(wishes: list[str | None], locale: str) -> None:
    """The first wish that we speak wins; without one, the default does."""
    assert choose(wishes, "pt-BR") == locale


def test_accept_language_is_ranked() -> None:
    """The header's weights decide the order, and a broken weight counts as none."""
    assert accepted("en;q=0.5, es-ES, pt;q=0.9, fr;q=x") == ["es-ES", "pt", "en", "fr"]


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("whatsapp:+5511987654321", "+55 11 98765-4321"),
        ("whatsapp:US.ABC123", "US.ABC123"),
        ("whatsapp:+1", "+1"),
    ],
)
def test_a_customer_without_a_name_has_a_number(address: str, shown: str) -> None:
    """A phone number is written as people read it; a WhatsApp user name stays as it is."""
    assert view.name_of(Contact("ct", address, 0, name=" ")) == shown
