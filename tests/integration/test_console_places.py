"""Every page of the console for every role, as Streamlit runs it on a real store."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from streamlit.components.v2.bidi_component.main import _make_trigger_id
from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.testing.v1 import AppTest

from agent_console import bridge
from agent_console.cookies import COOKIE
from agent_console.downloads import Downloads
from agent_console.login import LoginPages
from agent_console.office.audit import PATH
from agent_console.prompting.past import conversation_of
from ponte.bootstrap import Ponte
from ponte.domain.agent import Agent, Role
from ponte.domain.conversation import Trigger
from ponte.domain.decision import HandoffDecision, HandoffMark, Mark, Outcome, decision_id, mark_id
from ponte.domain.office import CannedReply
from ponte.domain.office_hours import DEFAULT_TIMEZONE, local
from ponte.domain.prompt_version import PromptFault
from ponte.domain.templates import Template
from ponte.domain.trial import Answered, Compared, ComparedTurn, PromptFolder, Tried, TriedTurn
from ponte.errors import MessengerError, NotFound, StoreUnavailable
from ponte.eval_reports import keep_report
from ponte.office import OfficeDesk
from ponte.ports import AuditEntry, Commit, Store
from ponte.prompt_desk import PromptDesk
from tests.fixtures.console_office import Backstage, backstage

MARIA = ("+5511900000001", "Maria")
_DAY_MS = 24 * 60 * 60 * 1000
OLD, NEW = "aaaaaaaaaaaa", "bbbbbbbbbbbb"
_EVERYBODY = frozenset(Role)
_CHIEFS = frozenset({Role.SUPERVISOR, Role.ADMIN})
_READERS = frozenset({Role.SUPERVISOR, Role.ADMIN, Role.PROMPT_ENGINEER})
_ENGINEERS = frozenset({Role.ADMIN, Role.PROMPT_ENGINEER})
_ADMIN = frozenset({Role.ADMIN})
# Page, part, who sees it, and the component or words by which it is known.
_PLACES: tuple[tuple[str, str, frozenset[Role], str], ...] = (
    ("inbox", "", _EVERYBODY, "queue"),
    ("floor", "", _CHIEFS, "floor"),
    ("reports", "", _CHIEFS, "Relatórios"),
    ("prompts", "versions", _READERS, "grid-versions"),
    ("prompts", "diff", _READERS, "ainda não há o que comparar"),
    ("prompts", "evals", _READERS, "Nenhuma avaliação"),
    ("prompts", "ledger", _READERS, "grid-ledger"),
    ("prompts", "try", _ENGINEERS, "não lê a pasta"),
    ("office", "agents", _ADMIN, "grid-agents"),
    ("office", "canned", _CHIEFS, "grid-canned"),
    ("office", "labels", _CHIEFS, "grid-labels"),
    ("office", "dispositions", _ADMIN, "grid-dispositions"),
    ("office", "templates", _CHIEFS, "Twilio"),
    ("office", "audit", _ADMIN, "grid-audit"),
)


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Backstage]:
    """An office on SQLite with the bridge installed."""
    with backstage(tmp_path) as opened:
        yield opened


def _script(token: str) -> None:
    from agent_console.frame import render  # noqa: PLC0415 - AppTest runs this function's source on its own

    render(token)


def _open(token: str, place: str, part: str = "") -> AppTest:
    page = AppTest.from_function(_script, kwargs={"token": token})
    page.context["locale"] = "pt-BR"
    page.query_params["p"] = place
    if part:
        page.query_params["s"] = part
    return _run(page)


def _page(company: Backstage, agent: Agent, place: str, part: str = "") -> AppTest:
    return _open(company.run(company.office.token(agent)), place, part)


def _run(page: AppTest) -> AppTest:
    page.run(timeout=40)
    assert not page.exception
    return page


def _text(page: AppTest) -> str:
    return " ".join(e.proto.body for e in page.get("html") if not e.proto.body.startswith("<style>"))


def _drawn(page: AppTest, key: str) -> dict[str, Any]:
    (found,) = [e for e in page.get("bidi_component") if e.key == key]
    drawn: dict[str, Any] = json.loads(found.proto.json or found.proto.mixed.json)
    return drawn


def _press(page: AppTest, grid: str, row: str, action: str) -> AppTest:
    """Press a button of a row that is offered there, as the component in the browser tells of it."""
    (shown,) = [each for each in _drawn(page, f"grid-{grid}")["rows"] if each["id"] == row]
    assert [a["why"] for a in shown["actions"] if a["id"] == action] == [None]
    (found,) = [e for e in page.get("bidi_component") if e.key == f"grid-{grid}"]
    told = [{"event": "act", "value": {"row": row, "action": action}}]
    states = page._tree.get_widget_states()  # noqa: SLF001 - AppTest cannot press what is in a component
    trigger = _make_trigger_id(found.proto.id, "events")
    states.widgets.append(WidgetState(id=trigger, json_trigger_value=json.dumps(told)))
    page._run(states, timeout=40)  # noqa: SLF001 - as above
    assert not page.exception
    return page


def _with(company: Backstage, **parts: object) -> None:
    """Let the pages see a Ponte in which some services are others."""

    async def install() -> None:
        changed: Ponte = replace(company.ponte, **parts)  # type: ignore[arg-type]  # fields of this class
        bridge.install(bridge.Bridge(changed, asyncio.get_running_loop()))

    company.run(install())


@pytest.mark.parametrize("role", list(Role))
def test_each_role_sees_its_pages_and_no_other(company: Backstage, role: Role) -> None:
    """What a role may see is drawn and in the rail; of the rest nothing is there but a sentence."""
    token = company.run(company.office.token(company.run(company.office.agent("Rita", role))))
    for place, part, may, known in _PLACES:
        page = _open(token, place, part)
        keys = {e.key for e in page.get("bidi_component")}
        shown = known in keys or known in _text(page)
        assert (place, part, shown) == (place, part, role in may)
        led = {each["id"] for each in _drawn(page, "rail")["places"]}
        assert (place in led) is any(role in who for name, _, who, _ in _PLACES if name == place)
        if place not in led:
            assert keys == {"rail"}
            assert "Seu perfil não dá acesso" in _text(page)
            assert not page.button
            assert not page.selectbox


def test_an_admin_ends_logins(company: Backstage) -> None:
    """An agent's logins are listed; one is ended, then all of them, and the agent is out."""
    rita = company.run(company.office.agent("Rita", Role.ADMIN))
    ana = company.run(company.office.agent("Ana"))
    tokens = [company.run(company.office.token(ana)) for _ in range(3)]
    page = _press(_page(company, rita, "office", "agents"), "agents", ana.id, "logins")
    assert "Ana" in _text(page)
    logins = [row["id"] for row in _drawn(page, "grid-logins")["rows"]]
    assert len(logins) == len(tokens)
    page = _press(page, "logins", logins[0], "end")
    assert [row["id"] for row in _drawn(page, "grid-logins")["rows"]] == logins[1:]
    page.button(key="office-end-all").click()
    assert _drawn(_run(page), "grid-logins")["rows"] == []
    assert company.run(company.ponte.store.sessions(ana.id, company.ponte.clock.now(), 10)) == []
    page.button(key="office-back").click()
    assert "grid-agents" in {e.key for e in _run(page).get("bidi_component")}


def test_a_new_password_is_shown_once(company: Backstage) -> None:
    """It asks first; what was made is on the page until it was read, and the agent logs in with it."""
    rita = company.run(company.office.agent("Rita", Role.ADMIN))
    ana = company.run(company.office.agent("Ana"))
    page = _press(_page(company, rita, "office", "agents"), "agents", ana.id, "password")
    assert not page.code
    page.button(key="office-yes").click()
    (password,) = [code.value for code in _run(page).code]
    token, _ = company.run(company.ponte.accounts.log_in(ana.email, password, "127.0.0.1"))
    assert token
    page.button(key="office-secret-read").click()
    assert not _run(page).code


def test_a_form_leaves_alone_what_a_colleague_changed_meanwhile(company: Backstage) -> None:
    """Saving sends what was typed, onto what is stored by then."""
    rita = company.run(company.office.agent("Rita", Role.ADMIN))
    ana = company.run(company.office.agent("Ana"))
    page = _press(_page(company, rita, "office", "agents"), "agents", ana.id, "edit")
    company.run(company.ponte.staff.change(rita, ana.id, role=Role.SUPERVISOR))
    _run(page).text_input(key=f"name-{ana.id}").set_value("Ana Lima")
    page.button(key="office-save").click()
    _run(page)
    stored = company.run(company.ponte.store.agent(ana.id))
    assert (stored.name, stored.role) == ("Ana Lima", Role.SUPERVISOR)

    desk = company.ponte.office
    page = _press(_page(company, rita, "office", "dispositions"), "dispositions", "solved", "edit")
    before = company.run(desk.dispositions(rita))[0]
    names = {**dict(before.names), "es": "Listo"}
    company.run(desk.put_disposition(rita, replace(before, names=tuple(names.items()), retired=True)))
    _run(page).text_input(key="disposition-en-solved").set_value("Done")
    page.button(key="office-save").click()
    _run(page)
    after = company.run(desk.dispositions(rita))[0]
    assert (after.retired, after.name("es"), after.name("en")) == (True, "Listo", "Done")

    pix = company.run(desk.put_canned(rita, CannedReply("", "pix", "Pix", "A chave")))
    page = _press(_page(company, rita, "office", "canned"), "canned", pix.id, "edit")
    company.run(desk.put_canned(rita, replace(pix, body="A nova chave")))
    _run(page).text_input(key=f"canned-title-{pix.id}").set_value("Chave Pix")
    page.button(key="office-save").click()
    _run(page)
    (reply,) = company.run(desk.canned(rita))
    assert (reply.title, reply.body) == ("Chave Pix", "A nova chave")


def test_a_question_stays_in_its_part(company: Backstage) -> None:
    """What was asked and not answered is gone in another part, on another page, and on the way back."""
    rita = company.run(company.office.agent("Rita", Role.ADMIN))
    ana = company.run(company.office.agent("Ana"))
    pix = company.run(company.ponte.office.put_canned(rita, CannedReply("", "pix", "Pix", "A chave")))
    page = _press(_page(company, rita, "office", "agents"), "agents", ana.id, "disable")
    assert "office-yes" in {button.key for button in page.button}
    for part in ("canned", "agents"):
        page.segmented_control(key="office-part").set_value(part)
        assert "office-yes" not in {button.key for button in _run(page).button}
    page.segmented_control(key="office-part").set_value("canned")
    _press(_run(page), "canned", pix.id, "drop")
    for place in ("prompts", "office"):
        page.query_params.clear()
        page.query_params["p"] = place
        assert "office-yes" not in {button.key for button in _run(page).button}


class _Twilio:
    """Templates as Twilio tells of them, or does not."""

    def __init__(self) -> None:
        self.down = False

    async def templates(self) -> list[Template]:
        """Return them."""
        if self.down:
            raise MessengerError("Twilio did not answer.")
        return [
            Template("HX1", "aula_amanha", "pt-BR", "Oi, {{1}}!", category="UTILITY", approval="approved"),
            Template("HX2", "promo", "pt-BR", "<b>Oi</b>", category="MARKETING", approval="rejected"),
        ]


def test_templates_are_listed_with_their_approval(company: Backstage) -> None:
    """What Twilio has is shown in words, and that Twilio does not answer."""
    sonia = company.run(company.office.agent("Sônia", Role.SUPERVISOR))
    twilio = _Twilio()
    desk = OfficeDesk(company.ponte.store, company.ponte.clock, twilio)  # type: ignore[arg-type]  # as Templates
    _with(company, templates=twilio, office=desk)
    page = _page(company, sonia, "office", "templates")
    first, second = _drawn(page, "grid-templates")["rows"]
    assert (first["cells"]["name"]["text"], first["cells"]["approval"]["tone"]) == ("aula_amanha", "good")
    assert (second["cells"]["body"], second["cells"]["approval"]["tone"]) == ("<b>Oi</b>", "bad")
    twilio.down = True
    assert "Twilio" in _text(_run(page))
    assert "grid-templates" not in {e.key for e in page.get("bidi_component")}


def test_the_last_evaluation_is_shown(company: Backstage) -> None:
    """How many came out as expected, against what, and what a failed one said; its markup is only text."""
    paula = company.run(company.office.agent("Paula", Role.PROMPT_ENGINEER))
    check = {"kind": "never", "wanted": "40 <b>vagas", "passed": False, "found": "São 40"}
    turn = {"customer": ["Tem vaga?"], "bot": ["São 40."], "handed_over": True, "checks": [check]}
    case = {"id": "x", "name": "Não inventa", "file": "evals/a.yaml", "line": 3, "status": "failed"}
    report: dict[str, object] = {
        "format": 1,
        "at": company.ponte.clock.now(),
        "model": "gpt-test",
        "new": {"label": "files", "version": NEW},
        "totals": {"cases": 8, "passed": 7, "failed": 1},
        "comparison": {"worse": True},
        "cases": [{**case, "runs": [{"passed": False, "error": "Parou.", "turns": [turn], "checks": []}]}],
    }
    keep_report(company.ponte.settings.data_dir, report)
    text = _text(_page(company, paula, "prompts", "evals"))
    for words in ("7 / 8", NEW, "gpt-test", "Não inventa", "evals/a.yaml:3", "São 40.", "Parou."):
        assert words in text
    assert "pc-office-bad" in text
    assert "40 &lt;b&gt;vagas" in text


def test_the_ledger_tells_why_a_human_came(company: Backstage) -> None:
    """A decision has its figures and what agents say of it; the filters narrow it down."""
    paula = company.run(company.office.agent("Paula", Role.PROMPT_ENGINEER))
    waiting = company.run(company.office.waiting(*MARIA, "quero um atendente"))
    decision = HandoffDecision(
        id=decision_id("turn1"),
        conversation_id=waiting.id,
        contact_id=waiting.contact_id,
        at=company.ponte.clock.now(),
        first_seq=1,
        seq=1,
        outcome=Outcome.HUMAN,
        language="pt-BR",
        prompt_version=NEW,
        trigger=Trigger.CLASSIFIER,
        scores=(("classifier", 0.91),),
        thresholds=(("classifier", 0.8),),
    )
    mark = HandoffMark(
        id=mark_id(decision.id, paula.id),
        decision_id=decision.id,
        conversation_id=waiting.id,
        contact_id=waiting.contact_id,
        agent_id=paula.id,
        mark=Mark.NOT_NEEDED,
        at=decision.at,
        trigger=Trigger.CLASSIFIER,
        prompt_version=NEW,
    )
    changed = replace(waiting, version=waiting.version + 1)
    company.run(company.ponte.store.commit(Commit(changed, decisions=(decision,), marks=(mark,))))
    page = _page(company, paula, "prompts", "ledger")
    (row,) = _drawn(page, "grid-ledger")["rows"]
    assert "91% / 80%" in row["cells"]["scores"]["sub"]
    assert len(row["cells"]["mark"]["chips"]) == 1
    assert waiting.id in row["cells"]["conversation"]["href"]
    page.selectbox(key="ledger-mark").select("late")
    assert _drawn(_run(page), "grid-ledger")["rows"] == []
    page.selectbox(key="ledger-mark").select("not_needed")
    assert len(_drawn(_run(page), "grid-ledger")["rows"]) == 1
    page.selectbox(key="ledger-what").select("bot")
    page.selectbox(key="ledger-mark").select("")
    assert _drawn(_run(page), "grid-ledger")["rows"] == []


class _Lab:
    """A ``ponte.ports.PromptLab`` that knows its answers."""

    async def folder(self) -> PromptFolder:
        """Return the newer version."""
        return PromptFolder(NEW, {"assistant.md": b"new\n"})

    async def faults(self, _: Mapping[str, bytes]) -> tuple[PromptFault, ...]:
        """Return none."""
        return ()

    async def try_out(self, _: Mapping[str, bytes], texts: Sequence[str]) -> Tried:
        """Say what was said."""
        return Tried(NEW, tuple(TriedTurn(text, (f"Eco: {text}",), handed_over=False) for text in texts))

    async def try_past(
        self, files: Mapping[str, bytes], store: Store, conversation_id: str, most_turns: int
    ) -> Compared:
        """Answer any conversation that is there."""
        await store.conversation(conversation_id)
        if files["assistant.md"] == b"old\n":
            raise NotFound("Nothing is kept of it.")
        turn = ComparedTurn(
            customer=("Oi <name>",),
            left_out=1,
            before=Answered(("Olá",), None),
            now=Answered(("Chamei <i>",), Trigger.KEYWORD),
            model_failed="timeout",
        )
        return Compared(NEW, (turn,) * min(2, most_turns), cut=True, model=True)


@pytest.fixture
def lab(company: Backstage) -> Backstage:
    """The office with a playground, and an older version of the files."""
    ponte = company.ponte
    for version, held in ((OLD, b"old\n"), (NEW, b"new\n")):
        company.run(ponte.prompts.keep(version, {"assistant.md": held}))
        company.run(ponte.prompts.follow_files(version))
    desk = PromptDesk(ponte.store, ponte.clock, ponte.prompts, _Lab(), ponte.settings.data_dir)
    _with(company, prompt_desk=desk)
    return company


def test_an_engineer_goes_back_to_a_version_and_releases_it(lab: Backstage) -> None:
    """Each asks first, serves what it says and is told; a supervisor's buttons say why they are off."""
    paula = lab.run(lab.office.agent("Paula", Role.PROMPT_ENGINEER))
    sonia = lab.run(lab.office.agent("Sônia", Role.SUPERVISOR))
    page = _press(_page(lab, paula, "prompts", "versions"), "versions", OLD, "rollback")
    assert lab.run(lab.ponte.prompts.serving()).pinned is None
    page.button(key="office-yes").click()
    assert OLD in _text(_run(page))
    assert lab.run(lab.ponte.prompts.serving()).pinned == OLD
    rows = _drawn(_page(lab, sonia, "prompts", "versions"), "grid-versions")["rows"]
    assert all(a["why"] for row in rows for a in row["actions"] if a["id"] == "rollback")
    page.button(key="prompts-release").click()
    _run(page).button(key="office-yes").click()
    _run(page)
    assert lab.run(lab.ponte.prompts.serving()).pinned is None
    page = _press(page, "versions", OLD, "diff")
    assert "<td>old</td>" in _text(page)


def test_a_stored_conversation_is_tried_in_the_playground(lab: Backstage) -> None:
    """Chosen or typed, its old and new answers are side by side; what cannot be tried is told."""
    paula = lab.run(lab.office.agent("Paula", Role.PROMPT_ENGINEER))
    waiting = lab.run(lab.office.waiting(*MARIA, "Sou a Maria, quero um atendente"))
    page = _page(lab, paula, "prompts", "try")
    page.text_area(key="try-text").set_value("Oi")
    page.button(key="try-send").click()
    assert "Eco: Oi" in _text(_run(page))
    page.segmented_control(key="try-whom").set_value("stored")
    _run(page)
    (_, shown) = page.selectbox(key="past-conversation").options
    assert "PT" in shown
    assert "Maria" not in shown
    page.button(key="past-run").click()
    text = _text(_run(page))
    for words in (
        "Oi &lt;name&gt;",
        "Chamei &lt;i&gt;",
        "pediu atendente",
        "só agora chama",
        "o modelo falhou",
    ):
        assert words in text
    assert "1 arquivo sem texto" in text
    assert "Só os primeiros 2 turnos" in text
    page.selectbox(key="past-conversation").select("")
    _run(page).text_input(key="past-typed").set_value("cv_none")
    _run(page).button(key="past-run").click()
    assert "Essa conversa não existe" in _text(_run(page))
    page.text_input(key="past-typed").set_value(f"https://x.example/agent/?p=inbox&c={waiting.id}")
    _run(page).button(key="past-run").click()
    assert "Chamei" in _text(_run(page))
    page.selectbox(key="try-version").select(OLD)
    assert "Chamei" not in _text(_run(page))
    page.button(key="past-run").click()
    assert "que ainda esteja guardado" in _text(_run(page))


def test_choices_that_look_alike_are_told_apart(lab: Backstage) -> None:
    """Agents of one name have their e-mail beside it, talks the end of their id: no two have one text."""
    rita = lab.run(lab.office.agent("Rita", Role.ADMIN))
    for _ in range(2):
        lab.run(lab.office.agent("Ana"))
    for n in range(3):
        lab.run(lab.office.waiting(f"+551190000000{n}", "Maria", "quero um atendente"))
    held = lab.run(lab.ponte.desk.claim(rita, "cv_5511900000001"))
    page = _page(lab, rita, "prompts", "try")
    page.segmented_control(key="try-whom").set_value("stored")
    inbox = AppTest.from_function(_script, kwargs={"token": lab.run(lab.office.token(rita))})
    inbox.query_params["c"] = held.id
    for shown, key in (
        (_run(page), "past-conversation"),
        (_page(lab, rita, "reports"), "report_agent"),
        (_page(lab, rita, "office", "audit"), "audit-actor"),
        (_run(inbox), f"transfer-to-{held.id}"),
    ):
        options = shown.selectbox(key=key).options
        assert len(options) >= 3
        assert len(set(options)) == len(options)


def test_a_conversation_is_named_by_its_id_or_address() -> None:
    """An address of the inbox is as good as the id in it."""
    assert conversation_of(" cv_1 ") == "cv_1"
    assert conversation_of("https://x.example/agent/?p=inbox&tab=all&c=cv_2&lang=es") == "cv_2"
    assert conversation_of("") == ""


def test_the_audit_log_is_taken_along_by_days(company: Backstage) -> None:
    """The file has the entries of the days that were chosen; what is no day bounds nothing."""
    rita = company.run(company.office.agent("Rita", Role.ADMIN))
    sonia = company.run(company.office.agent("Sônia", Role.SUPERVISOR))
    now = company.ponte.clock.now()
    company.run(company.ponte.store.audit(AuditEntry("old", now - 40 * _DAY_MS, rita.id, "claim", "cv_old")))
    downloads = Downloads(lambda: company.ponte)
    yesterday = local(now - _DAY_MS, DEFAULT_TIMEZONE).date()

    def read(agent: Agent, query: str) -> tuple[int, str]:
        cookie = f"{COOKIE}={company.run(company.office.token(agent))}"
        scope = {"type": "http", "method": "GET", "path": PATH, "query_string": query.encode()}
        headers = [(b"cookie", cookie.encode()), (b"host", b"ponte.example")]
        answer = company.run(downloads.audit(Request({**scope, "headers": headers})))
        return answer.status_code, bytes(answer.body).decode("utf-8-sig")

    old, new = read(rita, f"to={yesterday}"), read(rita, f"from={yesterday}")
    assert ("cv_old" in old[1], "login" in old[1]) == (True, False)
    assert ("cv_old" in new[1], "login" in new[1]) == (False, True)
    assert "cv_old" in read(rita, "from=nonsense")[1]
    assert read(rita, "to=9999-12-31")[0] == 422
    assert read(sonia, "")[0] == 403


def test_logging_out_takes_the_cookie_whatever_the_database_does(company: Backstage) -> None:
    """A browser whose agent has left is not logged in again when the database is back."""

    class Away:
        async def log_out(self, _: str) -> None:
            raise StoreUnavailable("The database is away.")

    pages = LoginPages(lambda: replace(company.ponte, accounts=Away()))  # type: ignore[arg-type]  # as Accounts
    (leave,) = [route for route in pages.routes() if route.path == "/agent/logout"]
    headers = [(b"cookie", f"{COOKIE}=t".encode()), (b"host", b"ponte.example")]
    scope = {"type": "http", "method": "POST", "path": leave.path, "query_string": b"", "headers": headers}
    answer = company.run(leave.endpoint(Request(scope)))
    assert answer.status_code == 303
    assert f'{COOKIE}=""; ' in answer.headers["Set-Cookie"]
