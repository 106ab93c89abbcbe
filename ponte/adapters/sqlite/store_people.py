"""What agents note about customers, in SQLite."""

from __future__ import annotations

from ponte.adapters.codec import CONTACT, Plain
from ponte.adapters.sqlite.store_rows import Part, write_json
from ponte.domain.contact import Contact

AMEND = """
    UPDATE contacts SET notes = :notes, labels = :labels, language = :language
    WHERE id = :id AND notes = :was_notes AND labels = :was_labels AND language IS :was_language
"""


class SqlitePeople(Part):
    """``ponte.ports.PeopleStore``."""

    async def amend_contact(self, was: Contact, contact: Contact) -> bool:
        """Replace what agents noted, see the port."""
        values = {"id": was.id, **_noted(contact), **{f"was_{k}": v for k, v in _noted(was).items()}}
        return await self._engine.write(lambda db: db.execute(AMEND, values).rowcount > 0)


def _noted(contact: Contact) -> Plain:
    plain = CONTACT.encode(contact)
    return {
        "notes": write_json(plain["notes"]),
        "labels": write_json(plain["labels"]),
        "language": contact.language,
    }
