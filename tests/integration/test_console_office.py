"""The office page as Streamlit runs it, per role, on a real store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from agent_console.i18n import catalogue
from agent_console.office.audit import ACTIONS
from ponte.domain.agent import Agent, Role
from ponte.domain.office import OfficeKind, dispositions_of
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
    """The page of entries follows the filters; every action that can be chosen has words."""
    words = catalogue("pt-BR").words
    assert [name for name in ACTIONS if f"office.act.{name}" not in words] == []
    rita = company.run(company.office.agent("Rita", Role.ADMIN))
    page = _page(company, rita, "audit")
    page.selectbox(key="audit-action").select("agent_added")
    page.text_input(key="audit-conversation").set_value("cv_none")
    _run(page)
    assert "cv_none" in _text(page)


@pytest.mark.parametrize("role", [Role.AGENT, Role.PROMPT_ENGINEER])
def test_others_see_no_office(company: Backstage, role: Role) -> None:
    """Who may not is told so."""
    agent = company.run(company.office.agent("Ana", role))
    page = _page(company, agent)
    assert "Seu perfil não dá acesso" in _text(page)
    assert not page.button


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


@pytest.mark.parametrize("role", [Role.AGENT])
def test_an_agent_sees_no_prompts(company: Backstage, role: Role) -> None:
    """Who may not is told so."""
    agent = company.run(company.office.agent("Ana", role))
    assert "Seu perfil não dá acesso" in _text(_page(company, agent, page="prompts"))
