"""What is wrong with the prompt files is on the console's page about them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from ponte.domain.agent import Role
from ponte.domain.prompt_version import PromptFault, PromptStatus
from tests.fixtures.console_office import Backstage, backstage


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Backstage]:
    """An office on SQLite with the bridge installed."""
    with backstage(tmp_path) as opened:
        yield opened


def _script(token: str) -> None:
    from agent_console.frame import render  # noqa: PLC0415 - AppTest runs this function's source on its own

    render(token)


def test_a_fault_of_the_prompt_files_is_shown_with_its_place(company: Backstage) -> None:
    """What the worker tells: file, line and mend, as text and never as markup; it is gone once mended."""
    paula = company.run(company.office.agent("Paula", Role.PROMPT_ENGINEER))
    versions = company.ponte.prompts
    fault = PromptFault("messages/es.yaml", 2, "the text '<b>x</b>' is not known; remove it.")
    company.run(versions.report(PromptStatus("aa11", "bb22", faults=(fault,))))
    page = AppTest.from_function(_script, kwargs={"token": company.run(company.office.token(paula))})
    page.context["locale"] = "pt-BR"
    page.query_params["p"] = "prompts"
    page.run(timeout=40)
    assert not page.exception
    shown = " ".join(element.proto.body for element in page.get("html"))
    assert "messages/es.yaml:2" in shown
    assert "&lt;b&gt;x&lt;/b&gt;" in shown
    company.run(versions.report(PromptStatus("aa11", "aa11")))
    page.run(timeout=40)
    assert "messages/es.yaml" not in " ".join(element.proto.body for element in page.get("html"))
