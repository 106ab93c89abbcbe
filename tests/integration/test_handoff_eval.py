"""``ponte prompts eval --handoff``, as a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from starlette.applications import Starlette

from simulator.openai_stub import StubConfig, create_stub_app
from simulator.serving import Served

PROMPTS = Path(__file__).parents[2] / "prompts"
# Messages by two authors who saw neither the examples nor the code. Learn nothing from them.
STRANGERS = Path(__file__).parents[1] / "fixtures" / "handoff_strangers.tsv"
ROWS = (
    "lang\tlabel\tkind\ttext\n"
    "pt-BR\thuman\tdirect\tquero falar com um atendente\n"
    "pt-BR\tbot\tnegated\tnão precisa chamar atendente\n"
    "es\t1\tdirect\tquiero hablar con un asesor\n"
    "es\t0\tquestion\tcuánto cuesta la clase?\n"
    "en\tYES\tdirect\tget me a human please\n"
    "en\tno\tquestion\thow much is a lesson?\n"
)


def run(folder: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run the command on files in ``folder``."""
    given = {k: v for k, v in os.environ.items() if not k.startswith("OPENAI_")}
    given |= {"PROMPTS_DIR": str(PROMPTS), **env}
    return subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "ponte", "prompts", "eval", *arguments],
        cwd=folder,
        env=given,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=100,
        check=False,
    )


def unsure_of_all(folder: Path) -> Path:
    """Write two rows, and return a copy of the prompt files in which every message is in the unsure band."""
    copied = Path(shutil.copytree(PROMPTS, folder / "prompts"))
    policy = copied / "handoff" / "policy.yaml"
    text = policy.read_text("utf-8")
    policy.write_text(
        text.replace("  sure: 0.90", "  sure: 1.0").replace("  unsure: 0.15", "  unsure: 0"), "utf-8"
    )
    (folder / "rows.tsv").write_text(
        "lang\tlabel\tkind\ttext\npt\tbot\tq\tquanto custa a aula?\npt\tbot\tq\tabre hoje?\n", "utf-8"
    )
    return copied


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """A file of labelled messages."""
    file = tmp_path / "rows.tsv"
    file.write_text(ROWS, "utf-8")
    return file


def test_json_is_one_object_on_standard_output(rows: Path) -> None:
    """Figures by language and kind, the matrix, the sweep, the time, and each prediction in file order."""
    done = run(rows.parent, "--handoff", str(rows), "--json", "--no-model")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert list(report["languages"]) == ["pt-BR", "es", "en"]
    assert set(report["languages"]["es"]) == {"precision", "recall", "f1", "n"}
    assert report["languages"]["pt-BR"] == {"precision": 1.0, "recall": 1.0, "f1": 1.0, "n": 2}
    assert report["kinds"]["negated"]["n"] == 1
    assert report["confusion"]["en"] == {"tp": 1, "fp": 0, "fn": 0, "tn": 1}
    assert len(report["sweep"]["en"]) == 19
    assert 0 < report["time"]["median_ms"] <= report["time"]["p99_ms"]
    assert [p["row"] for p in report["predictions"]] == [1, 2, 3, 4, 5, 6]
    first = report["predictions"][0]
    assert (first["label"], first["predicted"], first["trigger"]) == ("human", "human", "keyword")
    assert set(first) == {
        *("row", "lang", "label", "kind", "text", "predicted", "score", "trigger", "topic", "foreign")
    }


def test_topics_and_languages_are_told_and_not_counted(rows: Path) -> None:
    """A refund is the bot's by its label and a human's by policy: the figures follow the label."""
    rows.write_text(
        "lang\tlabel\tkind\ttext\n"
        "pt-BR\tbot\ttopic\tquero reembolso\n"
        "fr\tbot\tforeign\tBonjour, combien coûte un cours d'équitation ?\n"
        "en\tbot\tquestion\thow much is a lesson?\n",
        "utf-8",
    )
    done = run(rows.parent, "--handoff", str(rows), "--json", "out.json", "--no-model")
    assert done.returncode == 0, done.stderr
    report = json.loads((rows.parent / "out.json").read_text("utf-8"))
    assert [p["predicted"] for p in report["predictions"]] == ["bot"] * 3
    assert [p["topic"] for p in report["predictions"]] == ["Reembolso ou cobrança indevida", None, None]
    assert [p["foreign"] for p in report["predictions"]] == [None, "fr", None]
    assert report["beside"] == {"topic": 1, "language": 1}
    assert "1 by a topic, 1 by the" in " ".join(done.stdout.split())


def test_tables_for_people(rows: Path) -> None:
    """Without --json there are tables; without a model that is said, and not on standard output."""
    done = run(rows.parent, "--handoff", str(rows))
    assert done.returncode == 0, done.stderr
    assert "precision" in done.stdout
    assert "Time per local decision" in done.stdout
    assert "no model is configured" in done.stderr


def test_json_may_go_to_a_file(rows: Path) -> None:
    """As in the evaluation of conversations."""
    done = run(rows.parent, "--handoff", str(rows), "--no-model", "--json", "out.json")
    assert done.returncode == 0, done.stderr
    assert json.loads((rows.parent / "out.json").read_text("utf-8"))["languages"]


def test_a_bad_row_ends_with_2(rows: Path) -> None:
    """The message names file and line, on standard error alone."""
    rows.write_text(ROWS + "en\tmaybe\tk\tx\n", "utf-8")
    done = run(rows.parent, "--handoff", str(rows), "--json", "--no-model")
    assert done.returncode == 2
    assert done.stdout == ""
    assert f"{rows}, line 8: the label 'maybe'" in done.stderr


async def test_the_model_judges_what_is_unsure(
    rows: Path, serve_app: Callable[[Starlette], Awaitable[Served]]
) -> None:
    """It is asked about those only, and its word counts."""
    served = await serve_app(create_stub_app(StubConfig(transfer_trigger="aula")))
    folder = await asyncio.to_thread(unsure_of_all, rows.parent)
    done = await asyncio.to_thread(
        run,
        rows.parent,
        "--handoff",
        str(rows),
        "--json",
        "--prompts",
        str(folder),
        OPENAI_API_KEY="sk-test",
        OPENAI_BASE_URL=f"{served.url}/v1",
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["predictions"]
    assert [(p["predicted"], p["trigger"]) for p in found] == [("human", "model"), ("bot", "model")]


async def test_a_failing_model_leaves_the_local_decision(
    rows: Path, serve_app: Callable[[Starlette], Awaitable[Served]]
) -> None:
    """Nothing is lost where nobody answers."""
    served = await serve_app(Starlette())
    done = await asyncio.to_thread(
        run,
        rows.parent,
        "--handoff",
        str(rows),
        "--json",
        OPENAI_API_KEY="sk-test",
        OPENAI_BASE_URL=f"{served.url}/v1",
    )
    assert done.returncode == 0, done.stderr
    assert all(p["label"] == p["predicted"] for p in json.loads(done.stdout)["predictions"])


def test_strangers_who_want_a_human_are_told_from_those_who_do_not(tmp_path: Path) -> None:
    """Without a model, on messages that nobody tuned to, each language reaches what Ponte promises."""
    done = run(tmp_path, "--handoff", str(STRANGERS), "--no-model", "--json")
    languages = json.loads(done.stdout)["languages"]
    assert {lang: figures["n"] for lang, figures in languages.items()} == {"pt-BR": 380, "es": 290, "en": 290}
    assert languages["pt-BR"]["precision"] >= 0.93
    assert languages["pt-BR"]["f1"] >= 0.93
    assert languages["es"]["f1"] >= 0.90
    assert languages["en"]["f1"] >= 0.90
