"""``ponte prompts eval`` as its users run it: a process of its own, real files, a model on a real socket."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import shutil
import sys
from collections import Counter
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from graph.prompt_source import read_folder
from ponte.bootstrap import open_ponte
from ponte.eval_reports import last_report
from ponte.settings import load_settings
from simulator.openai_stub import StubConfig, create_stub_app
from simulator.serving import Served
from tests.conftest import ServeApp

PROMPTS = Path(__file__).resolve().parents[2] / "prompts"
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
VOID = {"meta", "br", "hr", "link", "img", "input"}

# What a good model would say, by a part of the customer's message; nothing: it calls for a human.
GOOD = (
    ("preço da aula experimental", "A aula experimental custa R$ 90. [[sources: 1, 2, 3]]"),
    ("planos mensais, quanto", "São R$ 420 com uma aula por semana e R$ 760 com duas. [[sources: 1]]"),
    ("qual deles dá direito", "O de R$ 760 por mês. [[sources: 1]]"),
    ("aula de polo", "Não encontrei essa informação. Quer que eu chame um atendente? [[unanswered]]"),
    (
        "90% de desconto",
        "Não tenho como dar descontos por aqui. Posso chamar um atendente. [[sources: none]]",
    ),
    ("gritou com minha filha", ""),
    ("precio de la clase de prueba", "La clase de prueba cuesta R$ 90. [[sources: 1, 2, 3]]"),
    ("cuestan los planes", "Son R$ 420 con una clase por semana y R$ 760 con dos. [[sources: 1]]"),
    ("cuál de ellos", "El de R$ 760 al mes. [[sources: 1]]"),
    ("clases de polo", "No encontré esa información. ¿Quieres que llame a una persona? [[unanswered]]"),
    ("palabra por palabra", "Eso no lo puedo mostrar. ¿En qué te ayudo? [[sources: none]]"),
    ("le gritó a mi hija", ""),
    ("price of the trial lesson", "The trial lesson is R$ 90. [[sources: 1, 2, 3]]"),
    (
        "prices of the monthly plans",
        "They are R$ 420 with one lesson a week and R$ 760 with two. [[sources: 1]]",
    ),
    ("which of them", "The one for R$ 760 a month. [[sources: 1]]"),
    ("teach polo", "I couldn't find that information. Shall I call one of our agents? [[unanswered]]"),
    ("I am the manager", "I cannot tell you anything about other customers. [[sources: none]]"),
    ("yelled at my daughter", ""),
)


@dataclass(frozen=True, slots=True)
class Done:
    """How the command ended."""

    code: int | None
    out: str
    err: str

    @property
    def report(self) -> dict[str, Any]:
        """What ``--json -`` wrote."""
        found: dict[str, Any] = json.loads(self.out)
        return found


async def prompts(*args: str | Path, **env: str) -> Done:
    """Run ``ponte prompts ...``."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "ponte",
        "prompts",
        *map(str, args),
        env={**os.environ, "PYTHONPATH": f"{PROMPTS.parent}{os.pathsep}{os.environ['PYTHONPATH']}", **env},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    return Done(process.returncode, out.decode(), err.decode())


def edited(folder: Path, file: str, old: str, new: str) -> Path:
    """Return a copy of the shipped prompt files with one edit."""
    shutil.copytree(PROMPTS, folder)
    path = folder / file
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")
    return folder


class Balance(HTMLParser):
    """Fails on tags that do not nest."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember what is open."""
        del attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Close what was opened last."""
        assert self.open.pop() == tag


async def test_the_shipped_cases_pass_without_a_model_and_are_reported(tmp_path: Path) -> None:
    """All cases without need of a model pass, the others are skipped, and the well-formed reports agree."""
    junit, html = tmp_path / "out" / "evals.xml", tmp_path / "evals.html"
    done = await prompts("eval", "--json", "-", "--junit", junit, "--html", html)
    assert done.code == 0, done.err
    report, totals = done.report, done.report["totals"]
    assert totals["failed"] == totals["unsteady"] == 0
    assert totals["passed"] >= 30
    assert totals["skipped"] == sum(case["needs"] == "model" for case in report["cases"]) > 0
    assert totals["passed"] + totals["skipped"] == totals["cases"] >= 45
    languages = Counter(
        tag for case in report["cases"] for tag in case["tags"] if tag in {"pt-BR", "es", "en"}
    )
    assert min(languages["pt-BR"], languages["es"], languages["en"]) >= 15
    assert report["model"] is None
    assert f"{totals['skipped']} skipped" in done.err
    assert "\x1b" not in done.err, "a progress bar among what is piped"

    suites = ET.parse(junit).getroot()  # noqa: S314 - we wrote it
    assert suites.get("tests") == str(totals["cases"])
    assert suites.get("skipped") == str(totals["skipped"])
    assert (suites.get("failures"), suites.get("errors")) == ("0", "0")
    assert len(list(suites.iter("testcase"))) == totals["cases"]

    page = html.read_text("utf-8")
    balance = Balance()
    balance.feed(page)
    assert balance.open == []
    assert "<script" not in page
    assert "http://" not in page
    assert all(case["file"] in page for case in report["cases"])
    assert last_report(load_settings().data_dir) == report


async def test_prompt_files_that_answer_worse_do_not_pass_the_gate(tmp_path: Path) -> None:
    """A price that is wrong in one language breaks its cases, and the gate says which; a mere copy passes."""
    options = ["--only", "prices", "--against", str(PROMPTS), "--gate", "--json", "-"]
    wrong = edited(tmp_path / "wrong", "knowledge/hipica.es.md", "R$ 120", "R$ 12")
    html = tmp_path / "evals.html"
    done = await prompts("eval", "--prompts", wrong, *options, "--repeats", "2", "--html", html)
    assert done.code == 1
    comparison = done.report["comparison"]
    assert comparison["worse"]
    assert comparison["broken"] == ["es-questions/precio de una clase suelta"]
    assert comparison["passed_runs_before"] - comparison["passed_runs"] == 2
    assert "WORSE" in done.err
    page = html.read_text("utf-8")
    assert 'class="sides"' in page
    assert "R$ 12\n" in page

    same = edited(tmp_path / "same", "README.md", "# The prompt files", "# Our prompt files")
    done = await prompts("eval", "--prompts", same, *options)
    assert done.code == 0, done.err
    assert not done.report["comparison"]["worse"]
    assert done.report["new"]["version"] != done.report["old"]["version"]


async def test_prompt_files_that_cannot_be_used_do_not_pass_the_gate(tmp_path: Path) -> None:
    """Files that do not load end in one readable message and in exit 1."""
    torn = edited(tmp_path / "torn", "assistant.md", "{{ language }}", "{{ language ")
    done = await prompts("eval", "--prompts", torn, "--against", PROMPTS, "--gate")
    assert done.code == 1
    assert "assistant.md, line" in done.err
    assert "Traceback" not in done.err


async def test_a_stored_version_is_compared_with(tmp_path: Path) -> None:
    """The beginning of a version that was served names the other side."""
    settings = load_settings()
    good = read_folder(PROMPTS)
    async with open_ponte(settings) as ponte:
        await ponte.prompts.keep(good.version, good.files)
    other = edited(tmp_path / "other", "knowledge/hipica.en.md", "Monthly plan, 1", "Plan by the month, 1")
    options = ["--against", good.version[:8], "--only", "horse boarding", "--json", "-"]
    done = await prompts("eval", "--prompts", other, *options)
    assert done.code == 0, done.err
    assert done.report["old"] == {"label": good.version[:8], "version": good.version}


async def test_a_failed_case_is_told_with_its_place_and_what_was_said(tmp_path: Path) -> None:
    """Without a comparison, a case that fails gives exit 1, its file and line, and the answer."""
    wrong = edited(tmp_path / "wrong", "knowledge/hipica.en.md", "we are closed", "we are <b>open</b> & fine")
    html, junit = tmp_path / "evals.html", tmp_path / "evals.xml"
    done = await prompts(
        "eval", "--prompts", wrong, "--only", "open on mondays", "--html", html, "--junit", junit
    )
    assert done.code == 1
    assert "FAILED: open on mondays (evals/en-questions.yaml, line " in done.out
    assert "contains: closed" in done.out
    assert "we are <b>open</b> & fine" in done.out
    assert "&lt;b&gt;open&lt;/b&gt; &amp; fine" in html.read_text("utf-8")
    (failure,) = ET.parse(junit).getroot().iter("failure")  # noqa: S314 - we wrote it
    assert "we are <b>open</b> & fine" in (failure.text or "")


async def test_cases_that_need_a_model_get_one(serve_app: ServeApp) -> None:
    """With a model that answers well all cases for it pass; the offline ones do not ask it."""
    served = await serve_app(create_stub_app(StubConfig(script=GOOD, verdict=True)))
    done = await with_model(served, "--only", "model", "--only", "courtesy")
    assert done.code == 0, done.out[-3000:] + done.err
    assert done.report["totals"]["skipped"] == 0
    assert sum(case["needs"] == "model" for case in done.report["cases"]) >= 15
    assert done.report["model"] == "gpt-stub"
    assert done.report["judge"] == "gpt-judge"
    courtesies = [case for case in done.report["cases"] if "courtesy" in case["tags"]]
    assert all("resposta" not in str(case["runs"]) for case in courtesies)


async def test_a_rubric_that_is_not_met_fails_its_case(serve_app: ServeApp) -> None:
    """What the judging model says decides."""
    served = await serve_app(create_stub_app(StubConfig(script=GOOD, verdict=False)))
    done = await with_model(served, "--only", "does not invent what it does not know")
    assert done.code == 1
    (case,) = done.report["cases"]
    failed = [c for turn in case["runs"][0]["turns"] for c in turn["checks"] if not c["passed"]]
    assert [c["kind"] for c in failed] == ["rubric"]


async def test_a_bad_model_does_not_pass(serve_app: ServeApp) -> None:
    """A model that only echoes fails what a good one passes, however the judge is disposed."""
    served = await serve_app(create_stub_app(StubConfig(verdict=True)))
    done = await with_model(served, "--only", "memory")
    assert done.code == 1
    assert done.report["totals"]["failed"] == done.report["totals"]["cases"] == 3


async def test_a_model_that_is_down_passes_nothing() -> None:
    """The bot's answer without its model is no answer of the model's: the case is an error, not a pass."""
    env = {"OPENAI_API_KEY": "sk-test", "OPENAI_BASE_URL": "http://127.0.0.1:9/v1"}
    done = await prompts("eval", "--only", "a complaint goes to a person", "--json", "-", **env)
    assert done.code == 1
    (case,) = done.report["cases"]
    assert "the model failed" in case["runs"][0]["error"]


async def test_no_model_leaves_the_models_cases_out(serve_app: ServeApp) -> None:
    """With --no-model nothing is asked of the model, and a selection of nothing else is no success."""
    served = await serve_app(create_stub_app(StubConfig(script=GOOD)))
    done = await with_model(served, "--no-model", "--only", "unknown")
    assert done.code == 0, done.err
    assert done.report["totals"]["skipped"] == 3
    assert done.report["model"] is None
    done = await with_model(served, "--no-model", "--only", "model")
    assert done.code == 1
    assert "No case was run" in done.err


async def with_model(served: Served, *args: str) -> Done:
    """Run the evaluation with a served model."""
    env = {
        "OPENAI_API_KEY": "sk-test",
        "OPENAI_BASE_URL": f"{served.url}/v1",
        "OPENAI_CHAT_MODEL": "gpt-stub",
        "OPENAI_CLASSIFIER_MODEL": "gpt-judge",
    }
    return await prompts("eval", *args, "--json", "-", **env)


async def test_a_fault_in_a_case_is_found_by_the_check(tmp_path: Path) -> None:
    """``ponte prompts check`` names file, line and mend; the evaluation refuses to run on it."""
    torn = edited(tmp_path / "torn", "evals/en-questions.yaml", "contains: closed", "contain: closed")
    done = await prompts("check", torn)
    assert done.code == 1
    assert "evals/en-questions.yaml, line 25: cases.3.turns.1.expect.contain: is not known here" in done.out
    done = await prompts("eval", "--prompts", torn)
    assert done.code == 1
    assert "evals/en-questions.yaml, line 25" in done.err


async def test_whoever_watches_sees_a_progress_bar() -> None:
    """On a terminal a bar is drawn, beside the output and not in it."""
    here, there = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ponte", "prompts", "eval", "--only", "courtesy", "--json", "-"),
        env={
            **os.environ,
            "PYTHONPATH": f"{PROMPTS.parent}{os.pathsep}{os.environ['PYTHONPATH']}",
            "TERM": "xterm",
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=there,
    )
    os.close(there)
    out, _ = await process.communicate()
    drawn = os.read(here, 65_536).decode("utf-8", "replace")
    os.close(here)
    assert process.returncode == 0
    assert "conversations" in drawn
    assert json.loads(out)["totals"]["cases"] == 3
