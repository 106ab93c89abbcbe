"""The indexes, and how an older database is brought to this version.

Partial indexes hold only what is worked on; a query that uses one states its condition.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from pymongo import ASCENDING, DESCENDING, IndexModel
from pymongo.errors import DuplicateKeyError

from ponte.adapters.codec import Plain
from ponte.adapters.mongo.backfill import add_queue_and_words
from ponte.adapters.mongo.store_client import Database, translated
from ponte.errors import StoreUnavailable

_UP: Final = ASCENDING
_DOWN: Final = DESCENDING
_PENDING: Final[Plain] = {"state": "pending"}
_OUTBOX: Final[Plain] = {"delivery.position": {"$exists": True}}
_QUEUED: Final[Plain] = {"urgency": {"$gt": 0}}
_SNOOZED: Final[Plain] = {"snoozed_until": {"$gt": 0}}
_WORDED: Final[Plain] = {"words": {"$exists": True}}

# Collection, name, keys, further options.
INDEXES: Final[tuple[tuple[str, str, list[tuple[str, int]], Plain], ...]] = (
    ("contacts", "address", [("address", _UP)], {"unique": True}),
    ("contacts", "wa_id", [("wa_id", _UP)], {"sparse": True}),
    ("inbox", "pending", [("contact_id", _UP), ("seq", _UP)], {"partialFilterExpression": _PENDING}),
    ("inbox", "due", [("due_at", _UP), ("contact_id", _UP)], {"partialFilterExpression": _PENDING}),
    (
        "inbox",
        "dead",
        [("received_at", _UP), ("_id", _UP)],
        {"partialFilterExpression": {"state": "dead"}},
    ),
    ("inbox", "done", [("received_at", _UP)], {"partialFilterExpression": {"state": "done"}}),
    ("inbox", "received", [("kind", _UP), ("received_at", _UP)], {}),
    (
        "conversations",
        "current",
        [("contact_id", _UP), ("opened_at", _DOWN), ("resolved_at", _UP)],
        {},
    ),
    ("conversations", "contact", [("contact_id", _UP), ("updated_at", _UP), ("_id", _UP)], {}),
    ("conversations", "updated", [("updated_at", _UP), ("_id", _UP)], {}),
    ("conversations", "opened", [("opened_at", _UP), ("_id", _UP)], {}),
    ("conversations", "status", [("status", _UP), ("updated_at", _UP), ("_id", _UP)], {}),
    (
        "conversations",
        "waiting",
        [("waiting_since", _UP), ("_id", _UP)],
        {"partialFilterExpression": {"status": "AWAITING_AGENT"}},
    ),
    ("conversations", "unfinished", [("unfinished", _UP)], {"sparse": True}),
    (
        "conversations",
        "queue",
        [("status", _UP), ("urgency", _UP), ("_id", _UP)],
        {"partialFilterExpression": _QUEUED},
    ),
    (
        "conversations",
        "queue_language",
        [("status", _UP), ("language", _UP), ("urgency", _UP), ("_id", _UP)],
        {"partialFilterExpression": _QUEUED},
    ),
    (
        "conversations",
        "queue_label",
        [("labels", _UP), ("urgency", _UP), ("_id", _UP)],
        {"partialFilterExpression": _QUEUED},
    ),
    (
        "conversations",
        "held",
        [("agent_id", _UP), ("urgency", _UP), ("_id", _UP)],
        {"partialFilterExpression": _QUEUED},
    ),
    (
        "conversations",
        "snoozed",
        [("snoozed_until", _UP), ("_id", _UP)],
        {"partialFilterExpression": _SNOOZED},
    ),
    (
        "conversations",
        "put_off",
        [("agent_id", _UP), ("snoozed_until", _UP), ("_id", _UP)],
        {"partialFilterExpression": _SNOOZED},
    ),
    ("conversations", "language", [("language", _UP), ("updated_at", _UP), ("_id", _UP)], {}),
    ("conversations", "label", [("labels", _UP), ("updated_at", _UP), ("_id", _UP)], {}),
    (
        "conversations",
        "priority",
        [("priority", _UP), ("updated_at", _UP), ("_id", _UP)],
        {"partialFilterExpression": {"priority": {"$gt": 0}}},
    ),
    (
        "messages",
        "words",
        [("words", _UP), ("created_at", _DOWN), ("_id", _DOWN)],
        {"partialFilterExpression": _WORDED},
    ),
    (
        "contacts",
        "words",
        [("words", _UP), ("created_at", _DOWN), ("_id", _DOWN)],
        {"partialFilterExpression": _WORDED},
    ),
    ("presences", "seen", [("seen_at", _UP)], {}),
    ("office", "kind", [("kind", _UP), ("_id", _UP)], {}),
    ("messages", "seq", [("conversation_id", _UP), ("seq", _UP)], {"unique": True}),
    ("messages", "sid", [("sid", _UP)], {"sparse": True}),
    (
        "messages",
        "outbox",
        [("contact_id", _UP), ("delivery.position", _UP)],
        {"partialFilterExpression": _OUTBOX},
    ),
    ("messages", "due", [("delivery.due_at", _UP)], {"partialFilterExpression": _OUTBOX}),
    (
        "messages",
        "parked",
        [("contact_id", _UP)],
        {"partialFilterExpression": {"status": "parked"}},
    ),
    ("messages", "media", [("media.key", _UP)], {"sparse": True}),
    (
        "messages",
        "missing_files",
        [("created_at", _UP)],
        {"partialFilterExpression": {"media.error": "unavailable"}},
    ),
    ("agents", "email", [("email", _UP)], {"unique": True}),
    ("sessions", "agent", [("agent_id", _UP)], {}),
    ("sessions", "expiry", [("expires_at", _UP)], {}),
    ("throttles", "expiry", [("expires_at", _UP)], {}),
    ("audit", "at", [("at", _UP), ("_id", _UP)], {}),
    ("audit", "conversation", [("conversation_id", _UP), ("at", _UP), ("_id", _UP)], {}),
    ("audit", "actor", [("actor", _UP), ("at", _UP), ("_id", _UP)], {}),
    ("audit", "action", [("action", _UP), ("at", _UP), ("_id", _UP)], {}),
    ("audit", "actor_action", [("actor", _UP), ("action", _UP), ("at", _UP), ("_id", _UP)], {}),
    ("decisions", "conversation", [("conversation_id", _UP), ("seq", _UP), ("_id", _UP)], {}),
    (
        "decisions",
        "outcome",
        [("conversation_id", _UP), ("outcome", _UP), ("seq", _UP), ("_id", _UP)],
        {},
    ),
    ("decisions", "counted", [("at", _UP), ("prompt_version", _UP), ("outcome", _UP), ("trigger", _UP)], {}),
    ("decisions", "made", [("at", _UP), ("_id", _UP)], {}),
    ("decisions", "made_outcome", [("outcome", _UP), ("at", _UP), ("_id", _UP)], {}),
    (
        "decisions",
        "made_trigger",
        [("trigger", _UP), ("at", _UP), ("_id", _UP)],
        {"partialFilterExpression": {"outcome": "human"}},
    ),
    (
        "decisions",
        "made_version",
        [("prompt_version", _UP), ("outcome", _UP), ("at", _UP), ("_id", _UP)],
        {},
    ),
    ("decisions", "made_by_version", [("prompt_version", _UP), ("at", _UP), ("_id", _UP)], {}),
    ("marks", "said", [("mark", _UP), ("at", _UP), ("_id", _UP)], {}),
    ("marks", "conversation", [("conversation_id", _UP), ("at", _UP), ("_id", _UP)], {}),
    ("marks", "at", [("at", _UP), ("_id", _UP)], {}),
    ("stretches", "asked", [("asked_at", _UP), ("_id", _UP)], {}),
    ("stretches", "conversation", [("conversation_id", _UP), ("number", _UP)], {}),
    ("leases", "expiry", [("expires_at", _UP)], {}),
    ("prompt_versions", "served", [("first_served_at", _UP), ("_id", _UP)], {}),
    ("media.files", "stored", [("metadata.stored_at", _UP)], {}),
    # GridFS's own, by which its tools read.
    ("media.chunks", "files_id", [("files_id", _UP), ("n", _UP)], {"unique": True}),
    ("media.chunks", "stored", [("stored_at", _UP)], {}),
)


async def _create_indexes(database: Database) -> None:
    for name in dict.fromkeys(index[0] for index in INDEXES):
        models = [IndexModel(keys, name=n, **options) for c, n, keys, options in INDEXES if c == name]
        await database[name].create_indexes(models)


# One entry a schema version, in order. Each can be repeated, and run by two processes at once.
MIGRATIONS: Final[tuple[Callable[[Database], Awaitable[None]], ...]] = (_create_indexes, add_queue_and_words)


async def migrate(database: Database) -> None:
    """Bring the database to the newest schema.

    Raises:
        StoreUnavailable: the database is of a newer Ponte, or did not answer.
    """
    versions = database["schema"]
    newest = len(MIGRATIONS)
    with translated():
        stored = await versions.find_one({"_id": "schema"})
        version = int(stored["version"]) if stored else 0
        if version > newest:
            raise StoreUnavailable(
                f"The database has schema version {version}, this Ponte knows up to {newest}. "
                "Run the Ponte that wrote it, or a newer one."
            )
        for reached, step in enumerate(MIGRATIONS[version:], start=version + 1):
            await step(database)
            try:
                # Another process may be further by now: never back.
                await versions.update_one({"_id": "schema"}, {"$max": {"version": reached}}, upsert=True)
            except DuplicateKeyError:
                await versions.update_one({"_id": "schema"}, {"$max": {"version": reached}})
        if version:
            # Those that are new, and those that an operator dropped.
            await _create_indexes(database)
