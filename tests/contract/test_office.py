"""The office's documents, and what agents note about customers."""

from __future__ import annotations

from dataclasses import replace

from ponte.domain.contact import ContactNote
from ponte.domain.message import Inbound, Kind
from ponte.domain.office import CannedReply, OfficeKind, canned_from, canned_item
from ponte.ports import Store
from tests.contract.builders import NOW

HOURS = CannedReply("c1", "horario", "Horário", "Oi, {{name}}! Abrimos às 8h.", "pt-BR")


async def test_documents_are_kept_by_kind(store: Store) -> None:
    """A document is replaced by its id, listed in order, found by id, and deleted once."""
    second = replace(HOURS, id="a2", shortcut="pix")
    for reply in (HOURS, second):
        await store.put_office(canned_item(reply, NOW, "ana"))
    await store.put_office(canned_item(replace(HOURS, body="Às 9h."), NOW + 1, "rui"))
    listed = await store.office(OfficeKind.CANNED)
    assert [canned_from(item) for item in listed] == [second, replace(HOURS, body="Às 9h.")]
    assert [item.id for item in await store.office(OfficeKind.CANNED, limit=1)] == ["a2"]
    found = await store.office_item(OfficeKind.CANNED, "c1")
    assert found is not None
    assert (found.changed_at, found.changed_by) == (NOW + 1, "rui")
    assert await store.drop_office(OfficeKind.CANNED, "c1")
    assert not await store.drop_office(OfficeKind.CANNED, "c1")
    assert await store.office_item(OfficeKind.CANNED, "c1") is None


async def test_what_is_noted_of_a_customer_replaces_what_was_seen(store: Store) -> None:
    """Notes, labels and language change together, unless somebody else changed them meanwhile."""
    inbound = Inbound("SM1", "whatsapp:+5511900000001", "whatsapp:+1", "oi", Kind.TEXT, NOW)
    contact_id = await store.accept(inbound, "ct1")
    assert contact_id is not None
    was = await store.contact(contact_id)
    assert (was.notes, was.labels, was.language) == ((), (), None)
    note = ContactNote("n1", NOW, "ana", "Prefere de manhã \ud83d")
    noted = replace(was, notes=(note,), labels=("aluna", "vip"), language="es")
    assert await store.amend_contact(was, noted)
    assert not await store.amend_contact(was, replace(was, labels=("outra",)))
    stored = await store.contact(contact_id)
    assert stored == replace(noted, notes=(replace(note, text="Prefere de manhã \ufffd"),))
    assert await store.amend_contact(stored, replace(stored, notes=(), labels=(), language=None))
    assert await store.contact(contact_id) == was
    assert (await store.contacts([contact_id]))[contact_id] == was
    assert not await store.amend_contact(replace(was, id="nobody"), was)
