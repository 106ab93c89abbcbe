"""Documents and pictures as customers send them: read, or refused for a reason."""

from __future__ import annotations

import asyncio
import io
import struct
import time
from dataclasses import replace

import pytest
from PIL import Image
from pypdf import PdfReader, PdfWriter

from graph.documents import DocumentLimits, document_text
from graph.images import small_jpeg
from graph.unusable import Unusable
from ponte.domain.message import MediaError
from tests.support.documents import bomb, docx, ods, packed, pdf, xlsx

LIMITS = DocumentLimits()
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
ODS = "application/vnd.oasis.opendocument.spreadsheet"


async def refused(data: bytes, content_type: str, limits: DocumentLimits = LIMITS) -> MediaError:
    """Return why a document cannot be read."""
    with pytest.raises(Unusable) as raised:
        await document_text(data, content_type, limits)
    return raised.value.error


@pytest.mark.parametrize(
    ("data", "content_type", "text"),
    [
        (pdf(["Fatura 1234", "Total R$ 150"]), "application/pdf", "Fatura 1234\nTotal R$ 150"),
        (docx(["Olá,", "segue o contrato."], [["Baia", "7"]]), DOCX, "Olá,\nsegue o contrato.\nBaia | 7"),
        (xlsx([["Aluno", "Valor"], ["Ana", "120"]]), XLSX, "# Plan\nAluno | Valor\nAna | 120"),
        (ods([["Aluno", "Valor"], ["Ana", "120"]]), ODS, "# Plan\nAluno | Valor\nAna | 120"),
        (b"Aluno;Valor\r\nAna;120\r\n", "text/csv", "Aluno;Valor\nAna;120"),
        ("\ufeffação".encode(), "text/plain; charset=utf-8", "ação"),
        ("ação".encode("cp1252"), "text/plain", "ação"),
        (b"BEGIN:VCARD\r\nFN:Ana\r\nEND:VCARD\r\n", "text/vcard", "BEGIN:VCARD\nFN:Ana\nEND:VCARD"),
    ],
    ids=["pdf", "docx", "xlsx", "ods", "csv", "utf-8", "cp1252", "vcard"],
)
async def test_usual_documents_are_read(data: bytes, content_type: str, text: str) -> None:
    """The text comes out in order, tables row by row."""
    assert await document_text(data, content_type, LIMITS) == text


async def test_a_document_is_what_its_content_says() -> None:
    """A PDF and a Word file under other types are read as what they are."""
    assert await document_text(pdf(["Oi"]), "text/plain", LIMITS) == "Oi"
    assert await document_text(docx(["Oi"]), "application/pdf", LIMITS) == "Oi"


async def test_a_pdf_of_1000_pages_is_read_as_far_as_the_limit() -> None:
    """Quickly, and the text says that there is more."""
    begin = time.monotonic()
    text = await document_text(pdf([f"Pagina {n}" for n in range(1, 1_001)]), "application/pdf", LIMITS)
    assert "Pagina 40\n" in text
    assert "Pagina 41" not in text
    assert text.endswith("[… 40 / 1000]")
    assert time.monotonic() - begin < LIMITS.seconds


async def test_a_long_text_is_cut_and_the_cut_is_marked() -> None:
    """No more characters than the limit, and a mark."""
    limits = replace(LIMITS, chars=100)
    text = await document_text(("palavra " * 50).encode(), "text/plain", limits)
    assert len(text) < 110
    assert text.endswith("[…]")


@pytest.mark.parametrize(
    ("data", "content_type"),
    [
        (b"", "application/pdf"),
        (b"%PDF-1.7\nnothing of the kind", "application/pdf"),
        (pdf([""]), "application/pdf"),
        (packed({"a.txt": "olá"}), "application/zip"),
        (b"PK\x03\x04" + bytes(100), DOCX),
        (docx(["Olá"])[:800], DOCX),
        (docx([" "]), DOCX),
        (packed({"word/document.xml": "<broken"}), DOCX),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(2_000), "application/vnd.ms-excel"),
        (bytes(500), "text/plain"),
        (b"MZ\x90\x00" + bytes(200), "application/octet-stream"),
    ],
    ids=[
        "empty",
        "no pdf",
        "no text",
        "zip",
        "no zip",
        "cut",
        "blank",
        "broken xml",
        "broken xls",
        "binary",
        "exe",
    ],
)
async def test_what_cannot_be_read_is_unreadable(data: bytes, content_type: str) -> None:
    """Broken, empty or unknown."""
    assert await refused(data, content_type) is MediaError.UNREADABLE


async def test_a_locked_pdf_is_unreadable() -> None:
    """What needs a password is for a human; without one to open it, it is read."""
    for password, readable in (("segredo", False), ("", True)):
        writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf(["Oi"]))))
        writer.encrypt(password, "dono", algorithm="RC4-128")
        target = io.BytesIO()
        writer.write(target)
        if readable:
            assert await document_text(target.getvalue(), "application/pdf", LIMITS) == "Oi"
        else:
            assert await refused(target.getvalue(), "application/pdf") is MediaError.UNREADABLE


async def test_zip_bombs_are_refused() -> None:
    """One that says how large it is at once; one that lies never gets to unpack more than it says."""
    data = bomb(200)
    assert len(data) < 300_000
    assert await refused(data, DOCX) is MediaError.TOO_LARGE
    assert await refused(bomb(200, claims=1_000), DOCX) is MediaError.UNREADABLE
    crowded = packed({f"word/{n}.xml": "x" for n in range(5_100)} | {"word/document.xml": "x"})
    assert await refused(crowded, DOCX) is MediaError.TOO_LARGE


async def test_a_file_above_the_size_limit_is_refused() -> None:
    """Before anything looks into it."""
    assert await refused(bytes(11), "text/plain", replace(LIMITS, file_bytes=10)) is MediaError.TOO_LARGE


async def test_a_reader_that_takes_too_long_is_ended() -> None:
    """The process is killed, and nothing of it stays."""
    slow = pdf(["x" * 30 for _ in range(3_000)])
    begin = time.monotonic()
    assert await refused(slow, "application/pdf", replace(LIMITS, seconds=0)) is MediaError.UNREADABLE
    assert time.monotonic() - begin < 5


async def test_many_documents_are_read_side_by_side() -> None:
    """A hostile one does not keep the others from being read."""
    results = await asyncio.gather(
        refused(bomb(200), DOCX),
        *(document_text(pdf([f"n {n}"]), "application/pdf", LIMITS) for n in range(3)),
    )
    assert results == [MediaError.TOO_LARGE, "n 0", "n 1", "n 2"]


def picture(size: tuple[int, int], form: str = "JPEG", mode: str = "RGB", **options: object) -> bytes:
    """Return a picture of one colour."""
    target = io.BytesIO()
    Image.new(mode, size, "red" if mode == "RGB" else None).save(target, form, **options)
    return target.getvalue()


@pytest.mark.parametrize(("form", "mode"), [("JPEG", "RGB"), ("PNG", "RGBA"), ("WEBP", "RGB"), ("GIF", "P")])
def test_pictures_become_small(form: str, mode: str) -> None:
    """A JPEG of at most 1568 pixels a side, in proportion."""
    with Image.open(io.BytesIO(small_jpeg(picture((4_000, 1_000), form, mode)))) as made:
        assert (made.format, made.size) == ("JPEG", (1_568, 392))


def test_what_the_camera_wrote_is_left_out_and_the_picture_stands_upright() -> None:
    """The place where a photo was taken is nobody's business."""
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010E] = "Rua Secreta 7"
    exif.get_ifd(0x8825)[1] = "S"
    data = picture((200, 100), exif=exif)
    assert b"Rua Secreta" in data
    made = small_jpeg(data)
    assert b"Rua Secreta" not in made
    with Image.open(io.BytesIO(made)) as small:
        assert small.size == (100, 200)
        assert not small.getexif()


@pytest.mark.parametrize(
    "entry",
    [
        struct.pack("<HHI4s", 0x011A, 2, 2, b"a\0\0\0"),
        struct.pack("<HHI4s", 0x8825, 9, 1, b"\x28\x69\x0a\xc8"),
    ],
    ids=["text for a number", "a part before the file"],
)
def test_a_photo_with_broken_notes_stands_upright(entry: bytes) -> None:
    """Only how the camera was held is read of them."""
    held = struct.pack("<HHI4s", 0x0112, 3, 1, b"\6\0\0\0")
    notes = b"Exif\0\0II*\0\x08\0\0\0\2\0" + held + entry + bytes(4)
    with Image.open(io.BytesIO(small_jpeg(picture((200, 100), exif=notes)))) as made:
        assert made.size == (100, 200)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", MediaError.UNREADABLE),
        (b"not a picture", MediaError.UNREADABLE),
        (picture((50, 50))[:300], MediaError.UNREADABLE),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", MediaError.UNREADABLE),
        (picture((9_000, 6_000), "PNG"), MediaError.TOO_LARGE),
        (picture((12_000, 8_000), "PNG"), MediaError.TOO_LARGE),
        (picture((15_000, 13_000), "PNG"), MediaError.TOO_LARGE),
    ],
    ids=["empty", "text", "cut", "eps", "54 MP", "96 MP", "195 MP"],
)
def test_pictures_that_cannot_be_used(data: bytes, error: MediaError) -> None:
    """Broken ones, ones that would start another program, and decompression bombs."""
    with pytest.raises(Unusable) as raised:
        small_jpeg(data)
    assert raised.value.error is error
