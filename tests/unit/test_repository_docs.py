"""The documentation: its links lead somewhere, and it names what the code has."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree as ET

import pytest

from ponte.domain.conversation import Status, Trigger
from ponte.domain.message import MessageStatus
from ponte.metrics import Metrics

_ROOT = Path(__file__).resolve().parents[2]
_PAGES = sorted(
    [
        *_ROOT.glob("*.md"),
        *(_ROOT / "docs").rglob("*.md"),
        *(_ROOT / "benchmarks").glob("*.md"),
        _ROOT / "prompts" / "README.md",
    ],
    key=str,
)


def _read(name: str) -> str:
    return (_ROOT / name).read_text(encoding="utf-8")


def _prose(page: Path) -> str:
    """A page without its fenced code."""
    return re.sub(r"^ *```.*?^ *```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


def _anchors(page: Path) -> set[str]:
    """The names that GitHub gives to a page's headings."""
    headings = re.findall(r"^#+ (.+)$", _prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: str(page.relative_to(_ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link of a page names a file, and every anchor a heading in it."""
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", _prose(page)):
        if link.startswith(("http://", "https://", "mailto:")):
            continue
        path, _, anchor = unquote(link).partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in _anchors(target)):
            broken.append(link)
    assert broken == []


def test_the_changelog_has_a_place_for_what_comes() -> None:
    """CHANGELOG.md begins with an Unreleased section, in Keep a Changelog's form."""
    sections = re.findall(r"^## (.+)$", _read("CHANGELOG.md"), re.MULTILINE)
    kinds = set(re.findall(r"^### (.+)$", _read("CHANGELOG.md"), re.MULTILINE))
    assert sections[0] == "[Unreleased]"
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


@pytest.mark.parametrize("readme", ["README.md", "README.pt-BR.md"])
def test_the_readmes_give_the_webhook_with_its_retries(readme: str) -> None:
    """Without its ending Twilio would not try again, so both READMEs show it."""
    assert re.search(r"https://\w+\.HOST/webhook#rc=5&rp=all$", _read(readme), re.MULTILINE)


def test_every_status_and_trigger_is_described() -> None:
    """The reference page knows each status of conversations and messages, and each trigger."""
    page = _read("docs/reference/statuses-and-events.md")
    assert [name for name in [*Status, *Trigger, *MessageStatus] if f"`{name}`" not in page] == []


def test_every_metric_is_described_under_its_exported_name() -> None:
    """The reference page names exactly the metrics that the registry exports."""
    exported = {
        f"{family.name}_total" if family.type == "counter" else family.name
        for family in Metrics().registry.collect()
    }
    described = re.findall(r"^\| `(ponte_\w+)` \|", _read("docs/reference/metrics.md"), re.MULTILINE)
    assert sorted(described) == sorted(exported)


def test_the_picture_is_well_formed_and_described() -> None:
    """The overview is an SVG with a title and a description for those who cannot see it."""
    picture = ET.parse(_ROOT / "docs" / "images" / "overview.svg").getroot()  # noqa: S314 - our own file
    names = {element.tag.rpartition("}")[2] for element in picture}
    assert {"title", "desc"} <= names
