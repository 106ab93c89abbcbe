"""The search over names, numbers and what was said."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ponte.domain.conversation import Conversation
from ponte.domain.message import Author, Kind, Media, Message
from ponte.errors import InvalidInput
from ponte.ports import Commit, Store
from tests.contract.builders import JOAO, NOW, bumped, inbound, opened, said, wrote


async def found(store: Store, text: str, limit: int = 20) -> list[str]:
    """Return the ids that a search finds, page by page: a message's, or the contact's."""
    ids: list[str] = []
    after = None
    while True:
        page = await store.search(text, after=after, limit=limit)
        assert len(page.items) <= limit
        ids += [hit.message.id if hit.message else hit.contact.id for hit in page.items]
        after = page.next
        if after is None:
            return ids


async def customer(store: Store, n: int, name: str, address: str) -> Conversation:
    """Store a customer with a conversation."""
    await store.accept(replace(inbound(n, address=address), profile_name=name), f"c{n}")
    return await wrote(store, opened(n, contact_id=f"c{n}"), [])


def line(conversation: Conversation, n: int, body: str, author: Author = Author.CUSTOMER) -> Message:
    """Return a message of the conversation, written ``n`` ms after its beginning."""
    return replace(said(conversation, n, author=author, body=body), created_at=conversation.opened_at + n)


async def test_customers_are_found_by_name(store: Store) -> None:
    """Case and accents do not matter, every word counts, and the last one may be a beginning."""
    await customer(store, 1, "Maria José da Conceição", "whatsapp:+5511987654321")
    await customer(store, 2, "João Maria", JOAO)
    assert await found(store, "maria") == ["c2", "c1"]
    assert await found(store, "MARIA jose") == ["c1"]
    assert await found(store, "conceicao") == ["c1"]
    assert await found(store, "maria con") == ["c1"]
    assert await found(store, "mar jose") == []
    assert await found(store, "joão") == await found(store, "joao") == ["c2"]
    assert await found(store, "ria") == []


async def test_customers_are_found_by_any_part_of_their_number(store: Store) -> None:
    """The number as it is written, without the country, or four digits out of it; names stay out of it."""
    await customer(store, 1, "Ana", "whatsapp:+5511987654321")
    await customer(store, 2, "Bia", "whatsapp:+5521912340000")
    for text in ("+55 11 98765-4321", "5511987654321", "(11) 98765-4321", "98765", "4321", "876543"):
        assert await found(store, text) == ["c1"], text
    assert await found(store, "1234") == ["c2"]
    assert await found(store, "0000") == ["c2"]
    assert await found(store, "32") == []


async def test_a_user_name_is_found(store: Store) -> None:
    """A customer without a number is found by what WhatsApp calls them."""
    await customer(store, 1, "Ana", JOAO)
    assert await found(store, JOAO.removeprefix("whatsapp:")) == ["c1"]


async def test_messages_are_found_newest_first(store: Store) -> None:
    """Every word has to be in one message; what the system said is not found."""
    first = await customer(store, 1, "Ana", "whatsapp:+5511987654321")
    second = await customer(store, 2, "Bia", JOAO)
    await wrote(
        store, first, [line(first, 1, "Quero remarcar a AULA de equitação"), line(first, 2, "sexta?")]
    )
    await wrote(
        store,
        second,
        [
            line(second, 1, "aula na sexta", Author.BOT),
            line(second, 2, "aula de sexta cancelada", Author.SYSTEM),
            replace(line(second, 3, "nota: aula paga", Author.AGENT), kind=Kind.NOTE),
        ],
    )
    assert await found(store, "aula") == ["cv2:3", "cv2:1", "cv1:1"]
    assert await found(store, "aula sexta") == ["cv2:1"]
    assert await found(store, "equitacao") == ["cv1:1"]
    assert await found(store, "aula de equi") == ["cv1:1"]
    assert await found(store, "cancelada") == []


async def test_pages_neither_repeat_nor_skip(store: Store) -> None:
    """Customers come first, then messages; the pages together are the whole."""
    first = await customer(store, 1, "Aula Um", "whatsapp:+5511987654321")
    await customer(store, 2, "Aula Dois", JOAO)
    await wrote(store, first, [line(first, n, f"aula {n}") for n in range(1, 8)])
    whole = ["c2", "c1", *(f"cv1:{n}" for n in range(7, 0, -1))]
    for limit in (1, 2, 3, 9, 50):
        assert await found(store, "aula", limit) == whole
    page = await store.search("aula", after=None, limit=3)
    assert page.items[2].conversation == await store.conversation("cv1")
    assert page.items[2].message == await store.message("cv1:7")
    assert page.items[0].contact == await store.contact("c2")


async def test_what_is_said_in_files_is_found(store: Store) -> None:
    """A transcript that comes with the message, or later, is searched; the old one is not any more."""
    first = await customer(store, 1, "Ana", JOAO)
    heard = Media("", "audio/ogg", key="k1", text="quero um cavalo")
    await wrote(store, first, [replace(line(first, 1, ""), kind=Kind.AUDIO, media=(heard,))])
    assert await found(store, "cavalo") == ["cv1:1"]
    await store.set_media_text("cv1:1", (replace(heard, text="quero um pônei"),), NOW)
    assert await found(store, "ponei") == ["cv1:1"]
    assert await found(store, "cavalo") == []


async def test_a_new_name_takes_the_olds_place(store: Store) -> None:
    """A customer who changes the profile name is found by the new one only."""
    await customer(store, 1, "Ana", "whatsapp:+5511987654321")
    await store.accept(
        replace(inbound(9, address="whatsapp:+5511987654321"), profile_name="Beatriz"), "other"
    )
    assert await found(store, "beatriz") == ["c1"]
    assert await found(store, "ana") == []
    assert await found(store, "98765") == ["c1"]


async def test_an_erased_customer_is_found_no_more(store: Store) -> None:
    """Nothing of a customer is left in the index, and the others' stays."""
    first = await customer(store, 1, "Ana Secreta", "whatsapp:+5511987654321")
    second = await customer(store, 2, "Bia", JOAO)
    await wrote(store, first, [line(first, 1, "segredo")])
    await wrote(store, second, [line(second, 1, "outro segredo")])
    await store.erase_contact("c1")
    assert await found(store, "secreta") == []
    assert await found(store, "98765") == []
    assert await found(store, "segredo") == ["cv2:1"]


async def test_a_message_is_found_as_soon_as_it_is_committed(store: Store) -> None:
    """A refused commit leaves nothing in the index; a good one is found at once."""
    first = await customer(store, 1, "Ana", JOAO)
    stale = replace(first, version=7)
    with pytest.raises(Exception, match="somebody else"):
        await store.commit(Commit(stale, (line(first, 1, "fantasma"),)))
    assert await found(store, "fantasma") == []
    await store.commit(Commit(replace(bumped(first), last_seq=1), (line(first, 1, "presente"),)))
    assert await found(store, "presente") == ["cv1:1"]


@pytest.mark.parametrize("text", ["", "  ", "!?", '"', "*", "\x00", "-", "😀"])
async def test_nothing_to_look_for_finds_nothing(store: Store, text: str) -> None:
    """Without a letter or digit there is no hit, and no error."""
    first = await customer(store, 1, "Ana", JOAO)
    await wrote(store, first, [line(first, 1, "oi 😀")])
    assert await found(store, text) == []


@pytest.mark.parametrize(
    "text",
    ['oi" OR "a', "oi*", "NEAR(oi a)", "oi AND NOT a", "text:oi", "^oi", "oi) OR (a", "$where", "oi.*"],
)
async def test_a_query_is_words_and_nothing_else(store: Store, text: str) -> None:
    """Operators of a database in a query are words like others."""
    first = await customer(store, 1, "Rui", JOAO)
    await wrote(store, first, [line(first, 1, "oi"), line(first, 2, "a b c")])
    assert set(await found(store, text)) <= {"cv1:1"}


async def test_a_very_long_word_is_found(store: Store) -> None:
    """A word longer than any index entry is found by its beginning."""
    first = await customer(store, 1, "Rui", JOAO)
    await wrote(store, first, [line(first, 1, "x" * 90), line(first, 2, f"{'y' * 90} z" + " palavra" * 30)])
    assert await found(store, "x" * 90) == ["cv1:1"]
    assert await found(store, f"{'y' * 90} z") == ["cv1:2"]
    assert await found(store, " ".join(["palavra"] * 30)) == ["cv1:2"]


@pytest.mark.parametrize("cursor", ["", "x", "m", "c12", "q1.a", "m-1.a"])
async def test_a_foreign_cursor_is_refused(store: Store, cursor: str) -> None:
    """A cursor that the search did not give out raises InvalidInput."""
    with pytest.raises(InvalidInput):
        await store.search("oi", after=cursor, limit=2)
