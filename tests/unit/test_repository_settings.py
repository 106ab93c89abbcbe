"""Every setting is told of wherever a person would look for it, and nothing else is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic_core import PydanticUndefined

from ponte.settings import Settings, load_settings

_ROOT = Path(__file__).resolve().parents[2]
_SETTINGS = {name.upper() for name in Settings.model_fields}
# Read by uvicorn and by docker compose, not by Ponte.
_NOT_OURS = {"FORWARDED_ALLOW_IPS", "NGROK_AUTHTOKEN"}
_EXAMPLE = (_ROOT / ".env.example").read_text(encoding="utf-8")


def _example_lines() -> list[tuple[str, str, str]]:
    """Each variable of .env.example with its value and the line above it."""
    lines = _EXAMPLE.splitlines()
    found = []
    for above, line in zip(["", *lines], lines, strict=False):
        if match := re.fullmatch(r"(?:# )?([A-Z][A-Z0-9_]*)=(.*)", line):
            found.append((match[1], match[2], above))
    return found


def test_the_example_names_every_setting_once() -> None:
    """.env.example and Settings have the same variables."""
    names = [name for name, _, _ in _example_lines()]
    assert sorted(names) == sorted(_SETTINGS | _NOT_OURS)


def test_every_variable_of_the_example_has_a_comment() -> None:
    """A comment stands right above each variable."""
    bare = [
        name
        for name, _, above in _example_lines()
        if not re.fullmatch(r"# .*[.:)].*|# [A-Za-z].*", above) or re.fullmatch(r"# [A-Z0-9_]+=.*", above)
    ]
    assert bare == []


def test_the_example_shows_the_defaults() -> None:
    """A value shown in .env.example is the default, so that removing the # changes nothing."""
    for name, value, _ in _example_lines():
        if name in _NOT_OURS:
            continue
        default = Settings.model_fields[name.lower()].default
        if hasattr(default, "get_secret_value"):
            default = default.get_secret_value()
        shown = str(default).lower() if isinstance(default, bool) else str(default)
        assert default is not PydanticUndefined
        assert value == shown, name


def test_the_example_can_be_copied_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy of .env.example is a valid .env and changes nothing."""
    for name in ("DATA_DIR", "PROMPTS_DIR"):
        monkeypatch.delenv(name)
    untouched = load_settings()
    Path(".env").write_text(_EXAMPLE, encoding="utf-8")
    assert load_settings() == untouched


@pytest.mark.parametrize("readme", ["README.md", "README.pt-BR.md"])
def test_the_readmes_tables_name_every_setting_once(readme: str) -> None:
    """Both README tables and Settings have the same variables."""
    page = (_ROOT / readme).read_text(encoding="utf-8")
    assert sorted(re.findall(r"^\| `([A-Z][A-Z0-9_]*)` \|", page, re.MULTILINE)) == sorted(_SETTINGS)


@pytest.mark.parametrize("readme", ["README.md", "README.pt-BR.md"])
def test_the_readmes_tables_show_the_defaults(readme: str) -> None:
    """A default set as code in a README table is the one in Settings."""
    page = (_ROOT / readme).read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([A-Z][A-Z0-9_]*)` \| `([^`]+)` \|", page, re.MULTILINE)
    assert len(rows) > 12
    for name, shown in rows:
        default = Settings.model_fields[name.lower()].default
        assert shown == (str(default).lower() if isinstance(default, bool) else str(default)), name


def test_every_setting_describes_itself() -> None:
    """Each field of Settings has a description."""
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []
