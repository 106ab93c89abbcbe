"""Reading labelled messages for an evaluation."""

from __future__ import annotations

from pathlib import Path

import pytest

from graph.handoff_rows import read_rows
from ponte.errors import InvalidInput

HEAD = "lang\tlabel\tkind\ttext\n"


def written(folder: Path, content: str | bytes) -> Path:
    """Return a file with this content."""
    file = folder / "rows.tsv"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


def test_rows_are_read_in_order(tmp_path: Path) -> None:
    """Each row keeps its place, its line and the file's own spelling of the language."""
    rows = read_rows(written(tmp_path, HEAD + "pt_BR\thuman\tdirect\tquero gente\n\nen\tbot\t\thi\n"))
    assert [(r.number, r.line, r.lang, r.wants_human, r.kind, r.text) for r in rows] == [
        (1, 2, "pt_BR", True, "direct", "quero gente"),
        (2, 4, "en", False, "", "hi"),
    ]


@pytest.mark.parametrize("label", ["human", "HUMAN", "1", "yes", "True", "handoff", "sim", "Wants Human"])
def test_labels_that_mean_human(tmp_path: Path, label: str) -> None:
    """People write it in many words, in any case."""
    assert read_rows(written(tmp_path, f"{HEAD}en\t{label}\tk\tx\n"))[0].wants_human


@pytest.mark.parametrize("label", ["bot", "0", "No", "FALSE", "none", "no_handoff", "no-handoff", "não"[:1]])
def test_labels_that_mean_bot(tmp_path: Path, label: str) -> None:
    """The other label, too."""
    assert not read_rows(written(tmp_path, f"{HEAD}en\t{label}\tk\tx\n"))[0].wants_human


@pytest.mark.parametrize(
    "content",
    [
        "\ufeff" + HEAD + "es\thuman\tk\thola\r\n",
        HEAD.replace("\n", "\r\n") + "es\thuman\tk\thola\r\n\r\n",
        'LANG\tLabel\tkind\ttext\n"es"\t"human"\t"k"\t"hola"\n',
        "text\tkind\tlabel\tlang\nhola\tk\thuman\tes\n",
        "es\thuman\tk\thola",
        ("\ufeff" + HEAD + "es\thuman\tk\thola\n").encode("utf-16-le"),
    ],
    ids=["bom", "crlf", "quoted", "other order", "no head", "utf-16"],
)
def test_however_it_was_saved(tmp_path: Path, content: str | bytes) -> None:
    """Byte order marks, Windows line ends, quoted cells, and columns in another order are all read."""
    (row,) = read_rows(written(tmp_path, content))
    assert (row.lang, row.wants_human, row.kind, row.text) == ("es", True, "k", "hola")


def test_quotation_marks_within_a_text_stay(tmp_path: Path) -> None:
    """Only a cell that is quoted as a whole is unquoted; a lone mark swallows no other row."""
    content = (
        HEAD + 'en\tbot\tk\t"so ""easy"" they said"\nen\tbot\tk\t"what is this\nen\tbot\tk\tsays "x y", ok\n'
    )
    assert [r.text for r in read_rows(written(tmp_path, content))] == [
        'so "easy" they said',
        '"what is this',
        'says "x y", ok',
    ]


def test_a_quoted_text_may_have_lines_and_tabs(tmp_path: Path) -> None:
    """As spreadsheets write a cell with a line break; a tab more belongs to the text."""
    content = HEAD + 'en\thuman\tk\t"first\nsecond"\nen\tbot\tk\ta\tb\n'
    assert [r.text for r in read_rows(written(tmp_path, content))] == ["first\nsecond", "a\tb"]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (HEAD + "en\tperhaps\tk\tx\n", "line 2: the label 'perhaps'"),
        (HEAD + "en\tbot\tk\tx\nen\tbot\n", "line 3: has 2 cell"),
        (HEAD + "en\tbot\tk\t \n", "line 2: the text is missing"),
        (HEAD + "\tbot\tk\tx\n", "line 2: the language is missing"),
        (HEAD, "holds no message"),
        ("", "holds no message"),
        (HEAD.encode() + b"en\tbot\tk\t\xe3\n", "line 2: is not UTF-8"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, content: str | bytes, expected: str) -> None:
    """File, line and mend stand in the error."""
    file = written(tmp_path, content)
    with pytest.raises(InvalidInput) as raised:
        read_rows(file)
    assert expected in str(raised.value)
    assert str(file) in str(raised.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """The file's path stands in the error."""
    with pytest.raises(InvalidInput, match=r"none\.tsv"):
        read_rows(tmp_path / "none.tsv")
