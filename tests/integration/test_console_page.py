"""The console's page as Streamlit runs it, per role and state, on a real store."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import TextArea

from ponte.domain.agent import Agent, Role
from ponte.domain.conversation import Conversation, Status
from ponte.domain.message import Author, MessageStatus
from ponte.ports import Commit
from tests.fixtures.console_office import Backstage, backstage

MARIA = ("+5511900000001", "Maria")


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Backstage]:
    """An office on SQLite with the bridge installed."""
    with backstage(tmp_path) as opened:
        yield opened


def _script(token: str) -> None:
    from agent_console.frame import render  # noqa: PLC0415 - AppTest runs this function's source on its own

    render(token)


def _page(
    company: Backstage, agent: Agent, conversation: Conversation | None = None, **query: str
) -> AppTest:
    page = AppTest.from_function(_script, kwargs={"token": company.run(company.office.token(agent))})
    page.context["locale"] = "pt-BR"
    if conversation:
        page.query_params["c"] = conversation.id
    for name, value in query.items():
        page.query_params[name] = value
    page.run(timeout=20)
    assert not page.exception
    return page


def _drawn(page: AppTest, key: str) -> dict[str, Any]:
    """What the component with this key was told to draw."""
    found = [e for e in page.get("bidi_component") if e.key == key]
    assert len(found) == 1, f"one component {key}, not {len(found)}"
    proto = found[0].proto
    drawn: dict[str, Any] = json.loads(proto.json or proto.mixed.json)
    return drawn


def _keys(page: AppTest) -> set[str | None]:
    return {e.key for e in page.get("bidi_component")}


def _button(page: AppTest, key: str) -> Any:  # noqa: ANN401 - AppTest's widgets share no public type
    return page.button(key=key)


def _stored(company: Backstage, conversation: Conversation) -> Conversation:
    return company.run(company.ponte.store.conversation(conversation.id))


def test_the_queue_shows_who_waits_and_why(company: Backstage) -> None:
    """A waiting customer is in the queue with reason, trigger, summary, language and the time."""
    ana = company.run(company.office.agent("Ana"))
    waiting = company.run(company.office.waiting(*MARIA, "quero falar com atendente"))
    drawn = _drawn(_page(company, ana), "queue")
    (row,) = drawn["rows"]
    assert (row["id"], row["name"], row["language"]) == (waiting.id, "Maria", "PT")
    assert (row["why"], row["trigger"]) == ("Pediu um atendente.", "pediu atendente")
    assert row["summary"] == "Quer remarcar a aula."
    assert row["at"] == waiting.waiting_since
    assert [(t["id"], t["count"]) for t in drawn["tabs"]] == [
        ("waiting", 1),
        ("mine", 0),
        ("all", 1),
        ("resolved", None),
    ]
    assert drawn["model"] is True
    rita = company.run(company.office.agent("Rita", Role.ADMIN))
    assert _drawn(_page(company, rita), "queue")["model"] is False


def test_claiming_makes_it_mine(company: Backstage) -> None:
    """After a claim the conversation is the agent's, the reply is allowed and the claim is not."""
    ana = company.run(company.office.agent("Ana"))
    waiting = company.run(company.office.waiting(*MARIA, "atendente"))
    page = _page(company, ana, waiting)
    assert _drawn(page, "reply")["reply"] == "Assuma a conversa para responder."
    _button(page, "claim").click().run(timeout=20)
    assert not page.exception
    assert _stored(company, waiting).agent_id == ana.id
    assert _drawn(page, "reply")["may_reply"] is True
    assert _button(page, "claim").disabled
    assert _drawn(page, "head")["notice"]["kind"] == "good"
    assert [r["id"] for r in _drawn(page, "queue")["rows"]] == [waiting.id]


def test_a_lost_claim_says_who_won(company: Backstage) -> None:
    """An agent who clicks too late is told the name of the one who was faster."""
    ana = company.run(company.office.agent("Ana"))
    bruno = company.run(company.office.agent("Bruno"))
    waiting = company.run(company.office.waiting(*MARIA, "atendente"))
    page = _page(company, ana, waiting)
    company.run(company.ponte.desk.claim(bruno, waiting.id))
    _button(page, "claim").click().run(timeout=20)
    notice = _drawn(page, "head")["notice"]
    assert notice == {"kind": "bad", "text": "Bruno assumiu esta conversa antes de você."}
    assert _stored(company, waiting).agent_id == bruno.id
    assert "Bruno" in _drawn(page, "reply")["reply"]


def test_giving_back_takes_a_brief(company: Backstage) -> None:
    """What the agent writes for the bot is stored with the return."""
    ana = company.run(company.office.agent("Ana"))
    waiting = company.run(company.office.waiting(*MARIA, "atendente"))
    company.run(company.ponte.desk.claim(ana, waiting.id))
    page = _page(company, ana, waiting)
    _brief(page, waiting).input("Remarcada para sexta.")
    _button(page, "return-confirm").click().run(timeout=20)
    stored = _stored(company, waiting)
    assert stored.status is Status.BOT_ACTIVE
    assert stored.resume is not None
    assert stored.resume.brief == "Remarcada para sexta."


def test_resolving_files_the_conversation(company: Backstage) -> None:
    """The chosen disposition is stored, and nothing is allowed any more afterwards."""
    ana = company.run(company.office.agent("Ana"))
    waiting = company.run(company.office.waiting(*MARIA, "atendente"))
    company.run(company.ponte.desk.claim(ana, waiting.id))
    page = _page(company, ana, waiting)
    page.radio(key=f"resolve-as-{waiting.id}").set_value("informed")
    _button(page, "resolve-confirm").click().run(timeout=20)
    stored = _stored(company, waiting)
    assert (stored.status, stored.disposition) == (Status.RESOLVED, "informed")
    assert _button(page, "claim").disabled
    assert _drawn(page, "head")["disposition"] == "Resolvida como: Informação dada"
    assert _drawn(page, "reply")["may_reply"] is False


def test_transferring_gives_it_to_a_colleague_with_a_note(company: Backstage) -> None:
    """The colleague holds the conversation then, and the note is in the transcript."""
    ana = company.run(company.office.agent("Ana"))
    bruno = company.run(company.office.agent("Bruno"))
    waiting = company.run(company.office.waiting(*MARIA, "atendente"))
    company.run(company.ponte.desk.claim(ana, waiting.id))
    page = _page(company, ana, waiting)
    page.selectbox(key=f"transfer-to-{waiting.id}").set_value(bruno.id)
    page.text_area(key=f"transfer-note-{waiting.id}").input("Cliente antigo.")
    _button(page, "transfer-confirm").click().run(timeout=20)
    assert _stored(company, waiting).agent_id == bruno.id
    assert _drawn(page, "transcript")["messages"][-1]["body"] == "Cliente antigo."
    assert _drawn(page, "reply")["may_reply"] is False


def test_a_prompt_engineer_reads_and_can_do_nothing(company: Backstage) -> None:
    """A role that may only read sees the conversation; every action is off and says why."""
    eva = company.run(company.office.agent("Eva", Role.PROMPT_ENGINEER))
    waiting = company.run(company.office.waiting(*MARIA, "atendente"))
    page = _page(company, eva, waiting)
    assert _drawn(page, "transcript")["messages"][0]["body"] == "atendente"
    assert _button(page, "claim").disabled
    assert _drawn(page, "head")["denied"]["claim"] == "Seu perfil só permite ler as conversas."
    reply = _drawn(page, "reply")
    assert (reply["may_reply"], reply["may_note"]) == (False, False)


def test_a_supervisor_may_act_on_what_another_holds(company: Backstage) -> None:
    """A supervisor answers and resolves a colleague's conversation; an agent may not."""
    ana = company.run(company.office.agent("Ana"))
    carla = company.run(company.office.agent("Carla", Role.SUPERVISOR))
    bruno = company.run(company.office.agent("Bruno"))
    waiting = company.run(company.office.waiting(*MARIA, "atendente"))
    company.run(company.ponte.desk.claim(ana, waiting.id))
    assert _drawn(_page(company, carla, waiting), "reply")["may_reply"] is True
    assert _drawn(_page(company, bruno, waiting), "reply")["may_reply"] is False


def test_an_ended_session_shows_the_way_to_the_login(company: Backstage) -> None:
    """When the session ends, the next run shows nothing but a link to log in again."""
    ana = company.run(company.office.agent("Ana"))
    waiting = company.run(company.office.waiting(*MARIA, "atendente"))
    page = _page(company, ana, waiting)
    company.run(company.ponte.accounts.disable(ana.email))
    page.run(timeout=20)
    assert not _keys(page)
    assert not page.button
    assert any('href="/agent/login"' in str(e.proto.body) for e in page.get("html"))


def test_an_unknown_conversation_says_so(company: Backstage) -> None:
    """An old link leads to a sentence, not to an error."""
    ana = company.run(company.office.agent("Ana"))
    page = _page(company, ana, c="cv_gone")
    assert "transcript" not in _keys(page)
    assert any("não existe" in str(e.proto.body) for e in page.get("html"))


def test_what_the_customer_writes_stays_text(company: Backstage) -> None:
    """Markup in a customer's message reaches the transcript as it is, and no Markdown or HTML element."""
    ana = company.run(company.office.agent("Ana"))
    nasty = "<img src=x onerror=alert(1)> ![x](http://evil.example/x.png) **b**"
    waiting = company.run(company.office.waiting(MARIA[0], "**Maria** <b>", nasty))
    page = _page(company, ana, waiting)
    assert _drawn(page, "transcript")["messages"][0]["body"] == nasty
    assert not page.markdown
    assert all("evil.example" not in str(e.proto.body) for e in page.get("html"))


def test_only_fifty_messages_are_shown(company: Backstage) -> None:
    """Of a long conversation the page brings its newest 50 messages."""
    ana = company.run(company.office.agent("Ana"))
    waiting = company.run(company.office.waiting(*MARIA, "um"))
    for n in range(60):
        company.run(company.office.writes(waiting.id, *MARIA, f"mensagem {n}"))
    drawn = _drawn(_page(company, ana, waiting), "transcript")
    assert [m["seq"] for m in drawn["messages"]] == list(range(12, 62))
    assert drawn["messages"][-1]["body"] == "mensagem 59"


def test_what_the_holder_sees_counts_as_seen(company: Backstage) -> None:
    """Opening the conversation marks it seen for its holder, and not for a colleague."""
    ana = company.run(company.office.agent("Ana"))
    bruno = company.run(company.office.agent("Bruno"))
    waiting = company.run(company.office.waiting(*MARIA, "atendente"))
    company.run(company.ponte.desk.claim(ana, waiting.id))
    company.run(company.office.writes(waiting.id, *MARIA, "alô?"))
    _page(company, bruno, waiting)
    assert _stored(company, waiting).unread == 1
    _page(company, ana, waiting)
    assert _stored(company, waiting).unread == 0


def test_a_failed_message_says_why_and_offers_a_retry(company: Backstage) -> None:
    """The holder reads in words what WhatsApp refused, and may send the message again."""
    ana = company.run(company.office.agent("Ana"))
    waiting = company.run(company.office.waiting(*MARIA, "atendente"))
    company.run(company.ponte.desk.claim(ana, waiting.id))
    (sent,) = company.run(company.ponte.desk.reply(ana, waiting.id, "Olá!", key="k1"))
    now = company.ponte.clock.now()
    company.run(company.ponte.store.settle(sent.id, MessageStatus.FAILED, now=now, error_code=63018))
    page = _page(company, ana, waiting)
    failed = _drawn(page, "transcript")["messages"][-1]
    assert (failed["status"], failed["retry"]) == ("failed", True)
    assert (
        failed["error"]
        == "O WhatsApp limitou o ritmo de envio do nosso número. A mensagem sai assim que possível."
    )
    assert _drawn(page, "reply")["recent"] == ["k1"]


@pytest.mark.parametrize(
    ("locale", "label"),
    [("es-AR", "En espera"), ("en-US", "Waiting"), ("pt-PT", "Aguardando"), ("fr", "Aguardando")],
)
def test_the_browser_chooses_the_language(company: Backstage, locale: str, label: str) -> None:
    """The page speaks the browser's language, and the company's where it has none for it."""
    ana = company.run(company.office.agent("Ana"))
    page = AppTest.from_function(_script, kwargs={"token": company.run(company.office.token(ana))})
    page.context["locale"] = locale
    page.run(timeout=20)
    assert _drawn(page, "queue")["tabs"][0]["label"] == label


def test_the_bots_messages_are_the_bots(company: Backstage) -> None:
    """Author, status and who spoke are drawn for each message."""
    ana = company.run(company.office.agent("Ana"))
    waiting = company.run(company.office.waiting(*MARIA, "oi"))
    company.run(company.office.says(waiting.id, Author.BOT, "Olá!", MessageStatus.DELIVERED))
    last = _drawn(_page(company, ana, waiting), "transcript")["messages"][-1]
    assert (last["author"], last["who"], last["status"], last["tick"]) == (
        "bot",
        "Bot",
        "delivered",
        "entregue",
    )


def test_a_quoted_message_is_shown_however_old(company: Backstage) -> None:
    """What a message quotes is read beside the newest 50, the customer's words and ours; only theirs."""
    ana = company.run(company.office.agent("Ana"))
    waiting = company.run(company.office.waiting(*MARIA, "a primeira"))
    other = company.run(company.office.waiting("+5511900000002", "João", "segredo"))
    first, foreign = (company.run(company.ponte.store.messages(c.id))[0] for c in (waiting, other))
    ours = replace(first, id="m-ours", sid="SMours", seq=2, author=Author.BOT, body="a nossa")
    rows = [ours, *(replace(first, id=f"t{n}", sid=f"t{n}", seq=n) for n in range(3, 61))]
    for n, sid in enumerate((first.id, "SMours", foreign.id), 61):
        rows.append(replace(first, id=f"t{n}", sid=f"t{n}", seq=n, body="sim", reply_to=sid))
    longer = replace(waiting, version=waiting.version + 1, last_seq=63)
    company.run(company.ponte.store.commit(Commit(longer, messages=tuple(rows))))
    shown = _drawn(_page(company, ana, waiting), "transcript")["messages"][-3:]
    assert [m["particulars"]["quote"]["text"] for m in shown] == [
        "a primeira",
        "a nossa",
        "Respondeu a uma mensagem que não está nesta tela",
    ]


def test_the_language_that_agents_set_counts(company: Backstage) -> None:
    """Head, row and filter follow it; the customer's conversation goes on in it."""
    ana = company.run(company.office.agent("Ana"))
    waiting = company.run(company.office.waiting(*MARIA, "hello"))
    company.run(company.ponte.people.set_language(ana, waiting.contact_id, "en"))
    assert _stored(company, waiting).language == "en"
    page = _page(company, ana, waiting)
    page.session_state["filters"] = {"language": "en"}
    page.run(timeout=20)
    assert _drawn(page, "head")["language"] == "inglês"
    assert [row["language"] for row in _drawn(page, "queue")["rows"]] == ["EN"]


def test_a_note_is_left_once(company: Backstage) -> None:
    """The browser's key makes a repeated note the same one, and tells the composer that it is there."""
    ana = company.run(company.office.agent("Ana"))
    waiting = company.run(company.office.waiting(*MARIA, "atendente"))
    notes = [company.run(company.ponte.desk.note(ana, waiting.id, "Calma", key="k7")) for _ in range(2)]
    assert notes[0] == notes[1]
    page = _page(company, ana, waiting)
    assert [m["body"] for m in _drawn(page, "transcript")["messages"]] == ["atendente", "Calma"]
    assert _drawn(page, "reply")["recent"] == ["k7"]


def test_what_came_of_a_reply_is_told_whatever_is_open(company: Backstage) -> None:
    """A refused reply is answered to the page although another conversation is open by then."""
    ana = company.run(company.office.agent("Ana"))
    waiting = company.run(company.office.waiting(*MARIA, "atendente"))
    other = company.run(company.office.waiting("+5511900000002", "João", "oi"))
    page = _page(company, ana, waiting)
    page.session_state["outcome"] = {
        "conversation": waiting.id,
        "key": "k",
        "ok": False,
        "text": "Não.",
        "n": 1,
    }
    page.query_params["c"] = other.id
    page.run(timeout=20)
    sender = _drawn(page, "sender")
    assert (sender["open"], sender["outcome"]["conversation"]) == (other.id, waiting.id)


def _brief(page: AppTest, conversation: Conversation) -> TextArea:
    """Return the field of the brief; each new beginning is a new field."""
    begins = f"brief-{conversation.id}-"
    (field,) = [area for area in page.text_area if str(area.key).startswith(begins)]
    return field


def test_giving_back_proposes_a_brief(company: Backstage) -> None:
    """What the agents said last stands in the form; an open form is left alone."""
    ana = company.run(company.office.agent("Ana"))
    waiting = company.run(company.office.waiting(*MARIA, "atendente"))
    company.run(company.ponte.desk.claim(ana, waiting.id))
    company.run(company.ponte.desk.reply(ana, waiting.id, "Sua aula ficou para sexta, 10h."))
    page = _page(company, ana, waiting)
    assert _brief(page, waiting).value == "Sua aula ficou para sexta, 10h."
    page.session_state["return"] = True
    company.run(company.ponte.desk.reply(ana, waiting.id, "Até lá!"))
    page.run(timeout=20)
    assert _brief(page, waiting).value == "Sua aula ficou para sexta, 10h."
    page.session_state["return"] = False
    page.run(timeout=20)
    assert _brief(page, waiting).value == "Sua aula ficou para sexta, 10h.\nAté lá!"
