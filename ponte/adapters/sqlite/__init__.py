"""The embedded store: one machine, no server."""

from ponte.adapters.sqlite.checkpoints import SqliteCheckpoints, open_sqlite_checkpoints
from ponte.adapters.sqlite.media import FileMedia
from ponte.adapters.sqlite.store import SqliteStore, open_sqlite

__all__ = ["FileMedia", "SqliteCheckpoints", "SqliteStore", "open_sqlite", "open_sqlite_checkpoints"]
