"""The office page as Streamlit runs it, per role, on a real store."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from agent_console import bridge
from ponte.bootstrap import Ponte
from ponte.domain.agent import Agent, Role
from ponte.domain.office import OfficeKind, dispositions_of
from ponte.domain.office_hours import DEFAULT_TIMEZONE, local
from ponte.errors import StoreUnavailable
from ponte.ports import AuditEntry
from tests.fixtures.console_office import Backstage, backstage

_WEEK = 7 * 24 * 60 * 60 * 1000
MARIA = ("+5511900000001", "Maria")


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Backstage]:
    """An office on SQLite with the bridge installed."""
    with backstage(tmp_path) as opened:
        yield opened


def _script(token: str) -> None:
    from agent_console.frame import render  # noqa: PLC0415 - AppTest runs this function's source on its own

    render(token)


def _page(company: Backstage, agent: Agent, part: str = "", page: str = "office") -> AppTest:
    shown = AppTest.from_function(_script, kwargs={"token": company.run(company.office.token(agent))})
    shown.context["locale"] = "pt-BR"
    shown.query_params["p"] = page
    if part:
        shown.query_params["s"] = part
    return _run(shown)


def _run(page: AppTest) -> AppTest:
    page.run(timeout=40)
    assert not page.exception
    return page


def _text(page: AppTest) -> str:
    return " ".join(element.proto.body for element in page.get("html"))


def _drawn(page: AppTest, key: str) -> dict[str, Any]:
    """What the component with this key was told to draw."""
    (found,) = [e for e in page.get("bidi_component") if e.key == key]
    drawn: dict[str, Any] = json.loads(found.proto.json or found.proto.mixed.json)
    return drawn


def _rows(page: AppTest, grid: str) -> list[dict[str, Any]]:
    return list(_drawn(page, f"grid-{grid}")["rows"])


def _parts(page: AppTest) -> list[str]:
    return list(page.segmented_control[0].options)


def test_an_admin_adds_an_agent_with_a_password_shown_once(company: Backstage) -> None:
    """The password is on the page until it was read; the agent can log in with it."""
    rita = company.run(company.office.agent("Rita", Role.ADMIN))
    page = _page(company, rita)
    assert len(_parts(page)) == 6
    page.button(key="office-add-agents").click()
    _run(page)
    page.text_input(key="new-name").set_value("Ana <b>Souza</b>")
    page.text_input(key="new-email").set_value("ana@hipica.example")
    page.button(key="office-save").click()
    _run(page)
    (password,) = [code.value for code in page.code]
    token, ana = company.run(company.ponte.accounts.log_in("ana@hipica.example", password, "127.0.0.1"))
    assert token
    assert ana.role is Role.AGENT
    assert "Ana &lt;b&gt;Souza" in _text(page)
    page.button(key="office-secret-read").click()
    assert not _run(page).code


def test_a_taken_e_mail_is_told_and_the_form_stays(company: Backstage) -> None:
    """What was typed is still there after it was refused."""
    rita = company.run(company.office.agent("Rita", Role.ADMIN))
    page = _page(company, rita)
    page.button(key="office-add-agents").click()
    _run(page)
    page.text_input(key="new-name").set_value("Rita")
    page.text_input(key="new-email").set_value(rita.email)
    page.button(key="office-save").click()
    _run(page)
    assert "não estar em uso" in _text(page)
    assert page.text_input(key="new-email").value == rita.email


def test_a_supervisor_keeps_canned_replies_and_labels_alone(company: Backstage) -> None:
    """The other parts are not there; a reply is saved as it is checked, a shortcut once a language."""
    sonia = company.run(company.office.agent("Sônia", Role.SUPERVISOR))
    page = _page(company, sonia, "agents")
    assert _parts(page) == ["Respostas prontas", "Etiquetas", "Modelos do WhatsApp"]
    for shown in (0, 1):
        page.button(key="office-add-canned").click()
        _run(page)
        page.text_input(key="canned-shortcut-new").set_value("/Pix")
        page.text_input(key="canned-title-new").set_value("Chave Pix")
        page.text_area(key="canned-body-new").set_value("A chave é o e-mail.")
        page.button(key="office-save").click()
        _run(page)
        assert ("Já existe uma resposta" in _text(page)) is bool(shown)
    assert len(company.run(company.ponte.store.office(OfficeKind.CANNED))) == 1
    page = _page(company, sonia, "labels")
    page.button(key="office-add-labels").click()
    _run(page)
    page.text_input(key="label-name-new").set_value("Matrícula")
    page.selectbox(key="label-colour-new").select("teal")
    page.button(key="office-save").click()
    _run(page)
    (label,) = company.run(company.ponte.office.labels(sonia))
    assert (label.name, label.colour) == ("Matrícula", "teal")


def test_an_admins_disposition_is_offered_in_the_inbox(company: Backstage) -> None:
    """A new one can be chosen when a matter is closed, in the agent's language."""
    rita = company.run(company.office.agent("Rita", Role.ADMIN))
    page = _page(company, rita, "dispositions")
    page.button(key="office-add-dispositions").click()
    _run(page)
    page.text_input(key="disposition-pt-BR-new").set_value("Matriculado")
    page.button(key="office-save").click()
    _run(page)
    known = dispositions_of(company.run(company.ponte.store.office(OfficeKind.DISPOSITION)))
    assert known[-1].name("en") == "Matriculado"
    waiting = company.run(company.office.waiting(*MARIA, "quero um atendente"))
    company.run(company.ponte.desk.claim(rita, waiting.id))
    inbox = AppTest.from_function(_script, kwargs={"token": company.run(company.office.token(rita))})
    inbox.context["locale"] = "pt-BR"
    inbox.query_params["c"] = waiting.id
    _run(inbox)
    assert "Matriculado" in inbox.radio(key=f"resolve-as-{waiting.id}").options


def test_the_audit_log_is_filtered(company: Backstage) -> None:
    """The page of entries follows person, action, conversation and days, and so does the file."""
    rita = company.run(company.office.agent("Rita", Role.ADMIN))
    now = company.ponte.clock.now()
    for n, action in enumerate(("retry", "claim", "retry")):
        company.run(
            company.ponte.store.audit(AuditEntry(f"old{n}", now - n * _WEEK, rita.id, action, f"cv_{n}"))
        )
    page = _page(company, rita, "audit")
    page.selectbox(key="audit-action").select("retry")
    assert [row["id"] for row in _rows(_run(page), "audit")] == ["old0", "old2"]
    page.date_input(key="audit-first").set_value(local(now - _WEEK, DEFAULT_TIMEZONE).date())
    assert [row["id"] for row in _rows(_run(page), "audit")] == ["old0"]
    page.date_input(key="audit-first").set_value(None)
    page.date_input(key="audit-last").set_value(local(now - _WEEK, DEFAULT_TIMEZONE).date())
    assert [row["id"] for row in _rows(_run(page), "audit")] == ["old2"]
    page.text_input(key="audit-conversation").set_value("cv_none")
    assert _rows(_run(page), "audit") == []
    day = local(now - _WEEK, DEFAULT_TIMEZONE).date()
    assert f"action=retry&amp;conversation=cv_none&amp;to={day}" in _text(page)


def test_a_long_audit_log_says_that_there_is_more(company: Backstage) -> None:
    """What the page does not show is told of, and how many entries the file has."""
    rita = company.run(company.office.agent("Rita", Role.ADMIN))

    async def many() -> None:
        for n in range(1_001):
            await company.ponte.store.audit(AuditEntry(f"au{n}", n, rita.id, "claim"))

    company.run(many())
    page = _page(company, rita, "audit")
    assert "10.000 registros mais novos" in _text(page)
    assert "Só os" not in _text(page)
    page.session_state["office-audit-rows"] = 1_000
    page = _run(page)
    assert "Só os 1.000 mais novos" in _text(page)
    assert not _drawn(page, "grid-audit")["more"]


def test_a_supervisor_reads_the_prompts_page_and_changes_nothing(company: Backstage) -> None:
    """All but the playground is there; without any version the page says so."""
    sonia = company.run(company.office.agent("Sônia", Role.SUPERVISOR))
    page = _page(company, sonia, page="prompts")
    assert _parts(page) == ["Versões", "Diferenças", "Avaliação", "Decisões"]
    assert "Nada está em uso" in _text(page)
    for part, words in (
        ("diff", "ainda não há o que comparar"),
        ("evals", "Nenhuma avaliação"),
        ("ledger", ""),
    ):
        assert words in _text(_page(company, sonia, part, "prompts"))


def test_two_versions_are_compared(company: Backstage) -> None:
    """What changed is marked by lines and words, and a file's markup is only text."""
    paula = company.run(company.office.agent("Paula", Role.PROMPT_ENGINEER))
    for version, held in (
        ("aaaaaaaaaaaa", b"Say <b>hello</b> now.\n"),
        ("bbbbbbbbbbbb", b"Say <b>hi</b> now.\n"),
    ):
        company.run(company.ponte.prompts.keep(version, {"assistant.md": held}))
        company.run(company.ponte.prompts.follow_files(version))
    text = _text(_page(company, paula, "diff", "prompts"))
    assert "<del>hello</del>" in text
    assert "<ins>hi</ins>" in text
    assert "&lt;b&gt;" in text


class _Down:
    """A service whose database does not answer."""

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - stands for a whole service
        async def call(*_: object, **__: object) -> None:
            raise StoreUnavailable("The database is away.")

        return call


def _install(company: Backstage, ponte: Ponte) -> None:
    """Let the pages see this Ponte."""

    async def install() -> None:
        bridge.install(bridge.Bridge(ponte, asyncio.get_running_loop()))

    company.run(install())


@pytest.mark.parametrize("lost", ["office", "accounts"])
def test_what_was_typed_outlasts_the_databases_absence(company: Backstage, lost: str) -> None:
    """A form that cannot be saved is back with its text when the database is; a new form is empty."""
    sonia = company.run(company.office.agent("Sônia", Role.SUPERVISOR))
    page = _page(company, sonia, "canned")
    page.button(key="office-add-canned").click()
    _run(page)
    page.text_input(key="canned-title-new").set_value("Chave Pix")
    page.text_area(key="canned-body-new").set_value("A chave é o e-mail.")
    down: dict[str, Any] = {lost: _Down()}
    _install(company, replace(company.ponte, **down))
    page.button(key="office-save").click()
    for _ in range(2):
        assert not _run(page).text_area
    _install(company, company.ponte)
    body = _run(page).text_area(key="canned-body-new")
    # What a field begins with cannot be lost on the way to the browser, as what a run gives it can.
    assert (body.value, body.proto.default) == ("A chave é o e-mail.",) * 2
    page.text_input(key="canned-shortcut-new").set_value("pix")
    page.button(key="office-save").click()
    _run(page)
    (saved,) = company.run(company.ponte.office.canned(sonia))
    assert (saved.shortcut, saved.title, saved.body) == ("pix", "Chave Pix", "A chave é o e-mail.")
    page.button(key="office-add-canned").click()
    assert _run(page).text_area(key="canned-body-new").value == ""


def test_every_page_asks_again_when_the_database_is_away(company: Backstage) -> None:
    """A page that could not be drawn says so and asks again by itself; afterwards it is there."""
    rita = company.run(company.office.agent("Rita", Role.ADMIN))
    whole, down = company.ponte, _Down()
    without: tuple[tuple[str, dict[str, Any]], ...] = (
        ("reports", {"reports": down}),
        ("office", {"staff": down}),
        ("prompts", {"prompt_desk": down}),
        ("floor", {"floor": down}),
    )
    for name, lost in without:
        _install(company, replace(whole, **lost))
        page = _page(company, rita, page=name)
        assert "não respondeu" in _text(page)
        assert _drawn(page, "live")["stale"] == ""
        _install(company, whole)
        assert "não respondeu" not in _text(_run(page))
