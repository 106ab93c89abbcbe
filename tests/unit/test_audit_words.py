"""The audit log in words: whatever is written anywhere can be read and filtered by."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent_console.i18n import LOCALES, catalogue
from agent_console.office.audit import ACTIONS
from ponte.domain.office import OfficeKind

ROOT = Path(__file__).resolve().parents[2]
# What takes an action, and as its which argument.
_TAKES = {"AuditEntry": 3, "_change": 2, "_amend": 2, "_note": 1, "_audit": 1, "_end": 2, "_ended": 2}
# A disposition is retired: reports count it.
_NEVER = {"disposition_deleted"}
_ACTION = re.compile(r"[a-z]+(_[a-z]+)*")


def _written() -> Iterator[tuple[str, str]]:
    """Yield each action that the code can write, and where."""
    for folder in ("ponte", "graph", "api", "agent_console"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
                of = call.func
                place = _TAKES.get(of.attr if isinstance(of, ast.Attribute) else getattr(of, "id", ""))
                if place is not None and len(call.args) > place:
                    for action in _values(call.args[place], tree):
                        yield action, f"{path.relative_to(ROOT)}:{call.lineno}"


def _values(node: ast.expr, tree: ast.Module) -> Iterator[str]:
    """Yield what an expression can be: texts, choices among them, names that are given such in the module."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from _values(node.body, tree)
        yield from _values(node.orelse, tree)
    elif isinstance(node, ast.JoinedStr):
        (kind, rest) = node.values
        assert isinstance(kind, ast.FormattedValue)
        assert isinstance(rest, ast.Constant)
        assert isinstance(rest.value, str)
        yield from {each.value + rest.value for each in OfficeKind} - _NEVER
    elif isinstance(node, ast.Name):
        yield from _given(node.id, tree)


def _given(name: str, tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                pairs = [(target, node.value)]
                if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                    pairs = list(zip(target.elts, node.value.elts, strict=True))
                for one, value in pairs:
                    if isinstance(one, ast.Name) and one.id == name:
                        yield from _values(value, tree)
        # `for action, detail in _told(...)`: what that function's pairs begin with.
        elif isinstance(node, ast.AsyncFor | ast.For) and isinstance(node.target, ast.Tuple):
            first = node.target.elts[0]
            if isinstance(first, ast.Name) and first.id == name:
                yield from _firsts(tree)


def _firsts(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Tuple) and isinstance(node.ctx, ast.Load) and node.elts:
            yield from (v for v in _values(node.elts[0], tree) if _ACTION.fullmatch(v) and "_" in v)


def test_every_action_has_words_and_can_be_filtered_by() -> None:
    """No entry of the audit log is shown as its code's name, in any language."""
    written: dict[str, str] = dict(_written())
    # The search finds what is written straight away, in turn, by kind, by name and by pair.
    assert {"claim", "retry", "wake", "label_deleted", "prompts_canary_stopped", "agent_role"} <= set(written)
    assert {action: place for action, place in written.items() if action not in ACTIONS} == {}
    for locale in LOCALES:
        words = catalogue(locale).words
        assert [name for name in ACTIONS if f"office.act.{name}" not in words] == []


@pytest.mark.parametrize("locale", LOCALES)
def test_no_two_actions_have_the_same_words(locale: str) -> None:
    """Who filters by an action sees which one it is."""
    said = [catalogue(locale)(f"office.act.{name}") for name in ACTIONS]
    assert len(set(said)) == len(said)
