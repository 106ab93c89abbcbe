"""Differences between versions of the prompt files."""

from __future__ import annotations

from ponte.prompt_diff import LineKind, compare


def test_only_what_differs_is_shown() -> None:
    """Lines far from a change are a gap; in a pair of lines the words that changed are marked."""
    old = [f"line {n}" for n in range(20)]
    new = [*old[:10], "line ten", *old[11:]]
    (found,) = compare({"a": "\n".join(old).encode()}, {"a": "\n".join(new).encode()})
    kinds = [line.kind for line in found.lines]
    assert (kinds[0], kinds[-1]) == (LineKind.GAP, LineKind.GAP)
    assert (kinds.count(LineKind.SAME), found.count(LineKind.OLD), found.count(LineKind.NEW)) == (6, 1, 1)
    (before,) = [line for line in found.lines if line.kind is LineKind.OLD]
    assert before.spans == (("line ", False), ("10", True))
    assert before.text == "line 10"


def test_files_come_and_go() -> None:
    """A file on one side alone, one that is no text, and one whose line ends differ are each told apart."""
    found = compare(
        {"gone": b"a", "image": b"\xff", "ends": b"a\nb\n"},
        {"new": b"", "image": b"\xfe", "ends": b"a\r\nb\r\n"},
    )
    assert [(one.path, one.state, len(one.lines)) for one in found] == [
        ("ends", "changed", 0),
        ("gone", "removed", 1),
        ("image", "binary", 0),
        ("new", "added", 0),
    ]
    assert compare({"a": b"x"}, {"a": b"x"}) == []


def test_the_last_lines_are_not_followed_by_a_gap() -> None:
    """There is nothing below them."""
    (found,) = compare({"a": b"1\n2\n"}, {"a": b"1\n3\n"})
    assert LineKind.GAP not in {line.kind for line in found.lines}
