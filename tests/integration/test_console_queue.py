"""The queue as Streamlit runs it: order, parts, search, filters, the strip of a conversation, an outage."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from agent_console import bridge, queue_view
from agent_console.board import MOST_ROWS, Wanted, load
from agent_console.i18n import catalogue
from agent_console.queue_actions import QueueActions, Taken
from agent_console.queue_data import Tab
from ponte.domain.agent import Agent, Role
from ponte.domain.conversation import Conversation, Status
from ponte.errors import StoreUnavailable
from ponte.ports import Commit
from tests.fixtures.console_office import Backstage, backstage

MARIA = ("+5511900000001", "Maria")
JOAO = ("+5511900000002", "João")
RITA = ("+5511900000003", "Rita")
_HOUR = 3_600_000


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Backstage]:
    """An office on SQLite with the bridge installed."""
    with backstage(tmp_path) as opened:
        yield opened


def _script(token: str) -> None:
    from agent_console.frame import render  # noqa: PLC0415 - AppTest runs this function's source on its own

    render(token)


def _page(company: Backstage, agent: Agent, **query: str) -> AppTest:
    page = AppTest.from_function(_script, kwargs={"token": company.run(company.office.token(agent))})
    page.context["locale"] = "pt-BR"
    for name, value in query.items():
        page.query_params[name] = value
    return _run(page)


def _run(page: AppTest) -> AppTest:
    page.run(timeout=30)
    assert not page.exception
    return page


def _drawn(page: AppTest, key: str) -> dict[str, Any]:
    (found,) = [e for e in page.get("bidi_component") if e.key == key]
    drawn: dict[str, Any] = json.loads(found.proto.json or found.proto.mixed.json)
    return drawn


def _ids(page: AppTest) -> list[str]:
    return [row["conversation"] for row in _drawn(page, "queue")["rows"]]


def _waiting(company: Backstage, *who: tuple[str, str]) -> list[Conversation]:
    return [company.run(company.office.waiting(*one, "quero um atendente")) for one in who]


def test_the_most_urgent_comes_first(company: Backstage) -> None:
    """Priority goes before the wait, and a row says all that helps to choose."""
    ana = company.run(company.office.agent("Ana"))
    maria, joao, rita = _waiting(company, MARIA, JOAO, RITA)
    company.run(company.ponte.triage.prioritise(ana, rita.id, 2))
    company.run(company.ponte.triage.label(ana, rita.id, add=["VIP", "aula", "boleto", "retorno"]))
    page = _page(company, ana)
    assert _ids(page) == [rita.id, maria.id, joao.id]
    row = _drawn(page, "queue")["rows"][0]
    assert (row["priority"], row["priority_name"]) == (2, "Urgente")
    assert ([label["name"] for label in row["labels"]], row["more_labels"]) == (
        ["aula", "boleto", "retorno"],
        1,
    )
    contact = company.run(company.ponte.store.contact(rita.contact_id))
    assert contact.last_inbound_at is not None
    assert row["window"] == contact.last_inbound_at + 24 * _HOUR
    # The target of prompts/policy.yaml is missed after 5 minutes.
    assert (row["late"] - rita.waiting_since, row["very_late"] - rita.waiting_since) == (
        _HOUR / 12,
        _HOUR / 4,
    )
    assert _drawn(page, "queue")["badge"] == 3


def test_each_part_shows_what_belongs_there(company: Backstage) -> None:
    """One's own, what is put off, all, and what is resolved; a colleague's is in none of one's own."""
    ana, bruno = company.run(company.office.agent("Ana")), company.run(company.office.agent("Bruno"))
    maria, joao, rita = _waiting(company, MARIA, JOAO, RITA)
    company.run(company.ponte.desk.claim(ana, maria.id))
    company.run(company.ponte.desk.claim(bruno, joao.id))
    company.run(company.ponte.desk.claim(ana, rita.id))
    page = _page(company, ana, tab="mine")
    assert set(_ids(page)) == {maria.id, rita.id}
    assert [tab["id"] for tab in _drawn(page, "queue")["tabs"]] == ["waiting", "mine", "all", "resolved"]
    company.run(company.ponte.triage.snooze(ana, rita.id, company.ponte.clock.now() + _HOUR))
    assert _ids(_run(page)) == [maria.id]
    counts = {tab["id"]: tab["count"] for tab in _drawn(page, "queue")["tabs"]}
    assert counts == {"waiting": 0, "mine": 1, "snoozed": 1, "all": 3, "resolved": None}
    snoozed = _page(company, ana, tab="snoozed")
    assert _ids(snoozed) == [rita.id]
    assert _drawn(snoozed, "queue")["rows"][0]["snoozed"] is not None
    company.run(company.ponte.desk.resolve(ana, maria.id))
    assert _ids(_page(company, ana, tab="resolved")) == [maria.id]
    assert len(_ids(_page(company, ana, tab="all"))) == 3


def test_a_search_shows_hits_with_the_words_marked(company: Backstage) -> None:
    """Customers and messages are found in all parts; what was found is marked in the excerpt."""
    ana = company.run(company.office.agent("Ana"))
    maria = company.run(company.office.waiting(*MARIA, "Quero remarcar a <b>aula</b> de equitação"))
    page = _page(company, ana)
    page.session_state["search"] = "EQUITACAO"
    drawn = _drawn(_run(page), "queue")
    (hit,) = drawn["rows"]
    assert (hit["conversation"], hit["hit"], hit["seq"]) == (maria.id, "message", 1)
    assert [part["text"] for part in hit["parts"] if part["on"]] == ["equitação"]
    assert "".join(part["text"] for part in hit["parts"]) == "Quero remarcar a <b>aula</b> de equitação"
    page.session_state["search"] = "90000-0001"
    (hit,) = _drawn(_run(page), "queue")["rows"]
    assert (hit["hit"], hit["parts"]) == ("contact", [{"text": "+55 11 90000-0001", "on": True}])
    page.session_state["search"] = "nada disso"
    drawn = _drawn(_run(page), "queue")
    assert (drawn["rows"], drawn["searching"]) == ([], True)
    assert drawn["empty"].startswith("Nada encontrado.")


def test_filters_narrow_the_rows(company: Backstage) -> None:
    """Label, language and priority leave what has them; nothing left says why."""
    ana = company.run(company.office.agent("Ana"))
    maria, joao = _waiting(company, MARIA, JOAO)
    company.run(company.ponte.triage.label(ana, maria.id, add=["VIP"]))
    page = _page(company, ana)
    for filters, expected in (
        ({"label": "VIP"}, [maria.id]),
        ({"priority": "0"}, [maria.id, joao.id]),
        ({"priority": "2"}, []),
        ({"language": "es"}, []),
        ({"language": "pt-BR", "label": "VIP"}, [maria.id]),
    ):
        page.session_state["filters"] = filters
        assert _ids(_run(page)) == expected, filters
    page.session_state["filters"] = {"priority": "2"}
    assert _drawn(_run(page), "queue")["empty"] == "Nenhuma conversa com esses filtros."


@pytest.mark.parametrize("role", Role)
def test_the_strip_offers_what_the_role_may(company: Backstage, role: Role) -> None:
    """Who may only read sees the controls off, and why; who may work may sort any conversation."""
    someone = company.run(company.office.agent("Alguém", role))
    bruno = company.run(company.office.agent("Bruno"))
    (maria,) = _waiting(company, MARIA)
    company.run(company.ponte.desk.claim(bruno, maria.id))
    drawn = _drawn(_page(company, someone, c=maria.id), "triage")
    assert drawn["works"] is (role is not Role.PROMPT_ENGINEER)
    if role is Role.AGENT:
        assert "Bruno" in drawn["no_snooze"]
    if role is Role.PROMPT_ENGINEER:
        assert drawn["denied"] == drawn["no_snooze"] == "Seu perfil só permite ler as conversas."
    if role in {Role.SUPERVISOR, Role.ADMIN}:
        assert drawn["no_snooze"] is None


def test_the_strip_follows_the_conversation(company: Backstage) -> None:
    """It shows labels, priority, snooze and reopening as they are."""
    ana = company.run(company.office.agent("Ana"))
    (maria,) = _waiting(company, MARIA)
    page = _page(company, ana, c=maria.id)
    drawn = _drawn(page, "triage")
    assert (drawn["priority"], drawn["labels"], drawn["reopen"]) == (0, [], False)
    assert drawn["no_snooze"] == "Só quem está com a conversa pode adiar."
    company.run(company.ponte.desk.claim(ana, maria.id))
    until = company.ponte.clock.now() + _HOUR
    company.run(company.ponte.triage.snooze(ana, maria.id, until))
    assert _drawn(_run(page), "triage")["snoozed"] == until
    company.run(company.ponte.desk.resolve(ana, maria.id))
    assert _drawn(_run(page), "triage")["reopen"] is True
    company.run(company.ponte.triage.reopen(ana, maria.id))
    assert _drawn(_run(page), "triage")["reopened"] == 1


def test_actions_answer_in_the_agents_words(company: Backstage) -> None:
    """What is refused says why in the agent's language; the next one says when nobody waits."""
    ana = company.run(company.office.agent("Ana"))
    (maria,) = _waiting(company, MARIA)
    actions = QueueActions(company.ponte, company.run(company.office.token(ana)), catalogue("pt-BR"))
    taken = Taken()
    assert company.run(actions.claim_next(taken)).ok
    assert taken.conversation_id == maria.id
    again = Taken()
    none = company.run(actions.claim_next(again))
    assert (none.ok, none.text, again.conversation_id) == (True, "Ninguém está esperando agora.", None)
    for work, words in (
        (actions.label(maria.id, ["x" * 50], []), "1 a 40 letras"),
        (actions.snooze(maria.id, 5), "momento no futuro"),
        (actions.reopen("cv_gone"), "não existe"),
    ):
        outcome = company.run(work)
        assert not outcome.ok
        assert words in outcome.text
    company.run(company.ponte.desk.return_to_bot(ana, maria.id))
    refused = company.run(actions.reopen(maria.id))
    assert refused.text.startswith("Não dá para reabrir")


class _Unwell:
    """A store that can be switched off."""

    def __init__(self, store: Any) -> None:  # noqa: ANN401 - stands for the whole store
        self._store = store
        self.down = False

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - as above
        method = getattr(self._store, name)

        async def call(*args: object, **kwargs: object) -> object:
            if self.down and name in {"count_by_status", "count_held", "conversations"}:
                raise StoreUnavailable("The database is away.")
            return await method(*args, **kwargs)

        return call


def test_a_lost_database_leaves_the_page_standing(company: Backstage) -> None:
    """What was shown stays, with the box one writes in; the page says so, and catches up afterwards."""
    ana = company.run(company.office.agent("Ana"))
    (maria,) = _waiting(company, MARIA)
    store = _Unwell(company.ponte.store)

    async def installed() -> None:
        link = bridge.Bridge(replace(company.ponte, store=store), asyncio.get_running_loop())
        bridge.install(link)

    company.run(installed())
    page = _page(company, ana, c=maria.id)
    assert _drawn(page, "live")["stale"] is None
    store.down = True
    _run(page)
    assert _ids(page) == [maria.id]
    assert _drawn(page, "reply")["conversation"] == maria.id
    assert _drawn(page, "live")["stale"].startswith("O banco de dados não respondeu.")
    store.down = False
    company.run(company.ponte.desk.claim(ana, maria.id))
    assert _drawn(_run(page), "live")["stale"] is None
    assert _ids(page) == []
    store.down = True
    fresh = AppTest.from_function(_script, kwargs={"token": company.run(company.office.token(ana))})
    fresh.context["locale"] = "pt-BR"
    assert _drawn(_run(fresh), "live")["stale"] == ""
    assert any("não respondeu" in str(e.proto.body) for e in fresh.get("html"))


def test_only_a_page_of_the_queue_is_read(company: Backstage) -> None:
    """With more conversations than a page, fifty are shown, and that there are more."""
    ana = company.run(company.office.agent("Ana"))
    (first,) = _waiting(company, MARIA)

    async def many() -> None:
        for n in range(60):
            copy = replace(first, id=f"cv_{n}", thread_id=f"th_{n}", version=1, status=Status.AWAITING_AGENT)
            await company.ponte.store.commit(Commit(copy))

    company.run(many())
    page = _page(company, ana)
    drawn = _drawn(page, "queue")
    assert (len(drawn["rows"]), drawn["more"], drawn["cut"]) == (50, True, None)
    # So many that a page would be slow are not shown, and it says how to reach them.
    token = company.run(company.office.token(ana))
    board = company.run(load(company.ponte, token, Wanted(Tab.WAITING, None)))
    most = Wanted(Tab.WAITING, None, rows=MOST_ROWS)
    drawn = queue_view.queue(board, catalogue("pt-BR"), most, model=True, labels=())
    assert (
        drawn["cut"] == "Só as 500 primeiras são mostradas. Use a busca ou os filtros para chegar às outras."
    )


def test_only_the_newest_is_opened_again(company: Backstage) -> None:
    """Where the customer has a newer conversation, the button says so."""
    ana = company.run(company.office.agent("Ana"))
    (maria,) = _waiting(company, MARIA)
    company.run(company.ponte.desk.claim(ana, maria.id))
    company.run(company.ponte.desk.resolve(ana, maria.id))
    page = _page(company, ana, c=maria.id)
    assert _drawn(page, "triage")["no_reopen"] is None
    later = replace(maria, id="cv_later", thread_id="th_later", version=1, opened_at=maria.opened_at + 1)
    company.run(company.ponte.store.commit(Commit(later)))
    drawn = _drawn(_run(page), "triage")
    assert (drawn["reopen"], drawn["no_reopen"]) == (
        True,
        "O cliente já tem uma conversa mais nova. Continue nela.",
    )
