"""Versions of the prompt files in SQLite. Each file is kept once, by the hash of its content."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Mapping

from ponte.adapters.codec import PROMPT_SERVING
from ponte.adapters.sqlite.store_rows import Part, first, write_json
from ponte.domain.prompt_version import PromptServing, PromptVersion
from ponte.errors import Conflict, NotFound

KEEP_VERSION = """
    INSERT INTO prompt_versions (version, first_served_at, files) VALUES (:version, :at, :files)
    ON CONFLICT (version) DO NOTHING
"""
KEEP_FILE = "INSERT INTO prompt_files (hash, content) VALUES (:hash, :content) ON CONFLICT (hash) DO NOTHING"
VERSIONS = """
    SELECT version, first_served_at, files FROM prompt_versions
    ORDER BY first_served_at DESC, version DESC LIMIT :limit
"""
VERSIONS_LIKE = """
    SELECT version, first_served_at, files FROM prompt_versions
    WHERE version >= :prefix AND version < :beyond ORDER BY version LIMIT :limit
"""
VERSION = "SELECT files FROM prompt_versions WHERE version = :version"
FILE = "SELECT content FROM prompt_files WHERE hash = :hash"
SERVING = "SELECT value FROM prompt_serving WHERE id = 0"
BEGIN_SERVING = """
    INSERT INTO prompt_serving (id, revision, value) VALUES (0, :revision, :value) ON CONFLICT (id) DO NOTHING
"""
CHANGE_SERVING = """
    UPDATE prompt_serving SET revision = :revision, value = :value WHERE id = 0 AND revision = :revision - 1
"""


class SqlitePrompts(Part):
    """``ponte.ports.PromptStore``."""

    async def keep_prompts(self, version: str, files: Mapping[str, bytes], at: int) -> None:
        """Store a version, see the port."""
        names = {path: hashlib.sha256(content).hexdigest() for path, content in sorted(files.items())}

        def keep(db: sqlite3.Connection) -> None:
            if db.execute(VERSION, {"version": version}).fetchone() is not None:
                return
            for path, name in names.items():
                db.execute(KEEP_FILE, {"hash": name, "content": files[path]})
            db.execute(KEEP_VERSION, {"version": version, "at": at, "files": write_json(names)})

        await self._engine.write(keep)

    async def prompt_versions(self, limit: int, *, prefix: str = "") -> list[PromptVersion]:
        """Return versions, see the port."""
        # Above every character of a version.
        values = {"prefix": prefix, "beyond": f"{prefix}~", "limit": limit}
        sql = VERSIONS_LIKE if prefix else VERSIONS
        rows = await self._engine.read(lambda db: db.execute(sql, values).fetchall())
        return [PromptVersion(version, at, len(json.loads(files))) for version, at, files in rows]

    async def prompt_files(self, version: str) -> dict[str, bytes]:
        """Return a version's files. Raises NotFound."""

        def read(db: sqlite3.Connection) -> dict[str, bytes] | None:
            row = first(db, VERSION, {"version": version})
            if row is None:
                return None
            names: dict[str, str] = json.loads(row[0])
            return {path: db.execute(FILE, {"hash": name}).fetchone()[0] for path, name in names.items()}

        found = await self._engine.read(read)
        if found is None:
            raise NotFound(f"There is no prompt version {version}.")
        return found

    async def prompt_serving(self) -> PromptServing:
        """Return what is to be served, see the port."""
        row = await self._engine.look(lambda db: first(db, SERVING, {}))
        return PromptServing() if row is None else PROMPT_SERVING.decode(json.loads(row[0]))

    async def change_prompt_serving(self, serving: PromptServing) -> None:
        """Replace what is to be served. Raises Conflict."""
        sql = BEGIN_SERVING if serving.revision == 1 else CHANGE_SERVING
        values = {"revision": serving.revision, "value": write_json(PROMPT_SERVING.encode(serving))}
        if await self._engine.write(lambda db: db.execute(sql, values).rowcount) == 0:
            raise Conflict("Somebody else changed what is to be served first.")
