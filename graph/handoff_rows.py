"""Reading labelled messages for an evaluation: a table with the columns ``lang label kind text``.

Read as people's tools write them: with a byte order mark, Windows line ends, quoted cells, blank lines,
labels in many words. What cannot be read is an error that names the file and the line.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ponte.errors import InvalidInput

COLUMNS = ("lang", "label", "kind", "text")
_HUMAN = frozenset({
    "human", "handoff", "hand_off", "handover", "hand_over", "agent", "transfer", "escalate", "escalation",
    "positive", "pos", "p", "y", "yes", "true", "t", "1", "1.0", "sim", "si", "humano", "humana",
    "wants_human", "needs_human",
})  # fmt: skip
_BOT = frozenset({
    "bot", "none", "no_handoff", "nohandoff", "not_handoff", "non_handoff", "no_human", "not_human",
    "negative", "neg", "n", "no", "false", "f", "0", "0.0", "nao", "stay", "keep", "other", "continue",
    "self_service", "robo", "robot",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """One labelled message.

    Args:
        number: its place among the messages, from 1.
        line: where it begins in the file, from 1.
        lang: as the file spells it.
        wants_human: the label.
        kind: what sort of message it is; may be empty.
        text: what the customer wrote.
    """

    number: int
    line: int
    lang: str
    wants_human: bool
    kind: str
    text: str


def read_rows(file: Path) -> list[Row]:
    """Read a file of labelled messages.

    Raises:
        InvalidInput: it cannot be read, or a row is wrong; names the file, the line and the mend.
    """
    lines = _lines(file)
    order: Sequence[int] = range(len(COLUMNS))
    rows: list[Row] = []
    first = True
    for line, cells in _records(lines):
        if first:
            first = False
            names = [cell.strip().casefold() for cell in cells]
            if set(COLUMNS) <= set(names):
                order = [names.index(column) for column in COLUMNS]
                continue
        rows.append(_row(file, line, cells, order, len(rows) + 1))
    if not rows:
        raise InvalidInput(f"{file} holds no message. Write lang, label, kind and text with tabs between.")
    return rows


def _lines(file: Path) -> list[str]:
    try:
        content = file.read_bytes()
    except OSError as error:
        raise InvalidInput(f"{file} cannot be read: {error.strerror}.") from None
    wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = content.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InvalidInput(f"{file}, line {line}: is not UTF-8; save the file as UTF-8.") from None
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _records(lines: list[str]) -> Iterator[tuple[int, list[str]]]:
    """Yield each record's line and cells. A quoted last cell may go on over the next lines."""
    index = 0
    while index < len(lines):
        begin, record = index, lines[index]
        index += 1
        if not record.strip():
            continue
        while _open(record) and index < len(lines) and "\t" not in lines[index]:
            if not any('"' in later for later in lines[index : index + 20]):
                break
            record += "\n" + lines[index]
            index += 1
        yield begin + 1, [_unquoted(cell) for cell in record.split("\t")]


def _open(record: str) -> bool:
    """True where the last cell begins with a quotation mark that nothing closes."""
    last = record.rpartition("\t")[2]
    return last.startswith('"') and last.count('"') % 2 == 1


def _unquoted(cell: str) -> str:
    stripped = cell.strip()
    inner = stripped[1:-1]
    if len(stripped) > 1 and stripped[0] == stripped[-1] == '"' and '"' not in inner.replace('""', ""):
        return inner.replace('""', '"')
    return cell


def _row(file: Path, line: int, cells: list[str], order: Sequence[int], number: int) -> Row:
    place = f"{file}, line {line}"
    if len(cells) > len(COLUMNS) and order[-1] == len(COLUMNS) - 1:
        cells = [*cells[: len(COLUMNS) - 1], "\t".join(cells[len(COLUMNS) - 1 :])]
    if len(cells) <= max(order):
        raise InvalidInput(
            f"{place}: has {len(cells)} cell(s); write four with tabs between: lang, label, kind, text."
        )
    lang, label, kind, text = (cells[index] for index in order)
    said = label.strip().casefold().replace("-", "_").replace(" ", "_")
    if said not in _HUMAN and said not in _BOT:
        raise InvalidInput(f"{place}: the label {label.strip()!r} is not known; write human or bot.")
    if not lang.strip():
        raise InvalidInput(f"{place}: the language is missing; write pt-BR, es or en.")
    if not text.strip():
        raise InvalidInput(f"{place}: the text is missing; write what the customer said, or remove the row.")
    return Row(number, line, lang.strip(), said in _HUMAN, kind.strip(), text)
