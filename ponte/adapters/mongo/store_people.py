"""What agents note about customers, in MongoDB."""

from __future__ import annotations

from ponte.adapters.codec import CONTACT, Plain
from ponte.adapters.mongo.store_client import Part
from ponte.domain.contact import Contact

_FIELDS = ("notes", "labels", "language")


class MongoPeople(Part):
    """``ponte.ports.PeopleStore``."""

    async def amend_contact(self, was: Contact, contact: Contact) -> bool:
        """Replace what agents noted, see the port."""
        old, new = CONTACT.encode(was), CONTACT.encode(contact)
        # Null also matches a contact on which nothing was ever noted.
        where: Plain = {"_id": was.id, **{name: old[name] or {"$in": [old[name], None]} for name in _FIELDS}}
        return await self._contacts.change(where, {"$set": {name: new[name] for name in _FIELDS}})
