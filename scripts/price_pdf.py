# ruff: noqa: INP001 - a script, not a package
"""Draws the price lists that the sample company's answers carry, from the lists in its knowledge files.

    python scripts/price_pdf.py

A knowledge file's items like "- Trial lesson: R$ 90" become one table a heading. Run it again after a price
has changed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

KNOWLEDGE = Path(__file__).resolve().parents[1] / "prompts" / "knowledge"
NAMES = {"pt-BR": "precos.pdf", "es": "precios.pdf", "en": "prices.pdf"}
TITLES = {"pt-BR": "Tabela de preços", "es": "Lista de precios", "en": "Price list"}
COMPANY = "Hípica Ponte Alta"
LEFT, PRICES, RIGHT, TOP = 70, 420, 525, 770

Tables = dict[str, list[tuple[str, str]]]


def tables(source: str) -> Tables:
    """Return the priced items by heading."""
    found: Tables = {}
    for part in re.split(r"^## ", source, flags=re.MULTILINE)[1:]:
        items = re.findall(r"^- (.+): (R\$ .+)$", part, re.MULTILINE)
        if items:
            found[part.partition("\n")[0].strip()] = items
    return found


def drawn(title: str, found: Tables) -> Iterator[str]:
    """Yield the page's drawing operators."""
    yield from text(LEFT, TOP, COMPANY, 20, bold=True)
    yield from text(LEFT, TOP - 24, title, 13)
    y = TOP - 70
    for heading, items in found.items():
        yield f"0.13 0.35 0.27 rg {LEFT - 8} {y - 8} {RIGHT - LEFT + 16} 24 re f 1 g"
        yield from text(LEFT, y, heading, 12, bold=True)
        yield "0 g"
        for name, price in items:
            y -= 26
            yield from text(LEFT, y, name, 11)
            yield from text(PRICES, y, price, 11)
            yield f"0.8 G 0.5 w {LEFT - 8} {y - 9} m {RIGHT + 8} {y - 9} l S"
        y -= 60


def text(x: float, y: float, words: str, size: int, *, bold: bool = False) -> Iterator[str]:
    """Yield what writes a line."""
    plain = words.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
    yield f"BT /{'F2' if bold else 'F1'} {size} Tf {x:g} {y:g} Td ({plain}) Tj ET"


def pdf(operators: Sequence[str]) -> bytes:
    """Return a file of one A4 page (ISO 32000-1)."""
    stream = "\n".join(operators).encode("cp1252")
    font = "<< /Type /Font /Subtype /Type1 /Encoding /WinAnsiEncoding /BaseFont /{} >>"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        (
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 6 0 R "
            b"/Resources << /Font << /F1 4 0 R /F2 5 0 R >> >> >>"
        ),
        font.format("Helvetica").encode(),
        font.format("Helvetica-Bold").encode(),
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
    ]
    out, places = bytearray(b"%PDF-1.4\n"), []
    for number, body in enumerate(objects, start=1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    out += (
        f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}"
        f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{len(out)}\n%%EOF\n"
    ).encode()
    return bytes(out)


def main() -> None:
    """Draw all of them."""
    for lang, name in NAMES.items():
        source = (KNOWLEDGE / f"hipica.{lang}.md").read_text(encoding="utf-8")
        (KNOWLEDGE / name).write_bytes(pdf(list(drawn(TITLES[lang], tables(source)))))


if __name__ == "__main__":
    main()
