"""Versions of the prompt files in MongoDB. Each file is kept once, by the hash of its content."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final

from ponte.adapters.codec import PROMPT_SERVING, Plain
from ponte.adapters.mongo.store_client import Collection, Part
from ponte.domain.prompt_version import PromptServing, PromptVersion
from ponte.errors import Conflict, NotFound

_SERVING: Final = "serving"


class MongoPrompts(Part):
    """``ponte.ports.PromptStore``."""

    @property
    def _prompt_versions(self) -> Collection:
        return Collection(self._database["prompt_versions"], self._observe)

    @property
    def _prompt_files(self) -> Collection:
        return Collection(self._database["prompt_files"], self._observe)

    @property
    def _prompt_serving(self) -> Collection:
        return Collection(self._database["prompt_serving"], self._observe)

    async def keep_prompts(self, version: str, files: Mapping[str, bytes], at: int) -> None:
        """Store a version, see the port. The version goes last: cut short, it can be run again."""
        if await self._prompt_versions.first({"_id": version}) is not None:
            return
        names = {path: hashlib.sha256(content).hexdigest() for path, content in sorted(files.items())}
        contents = {name: files[path] for path, name in names.items()}
        if contents:
            await self._prompt_files.insert_missing(
                [{"_id": name, "content": content} for name, content in contents.items()]
            )
        # Pairs: a path has dots, which a field's name must not.
        await self._prompt_versions.insert(
            {"_id": version, "first_served_at": at, "files": [list(pair) for pair in names.items()]}
        )

    async def prompt_versions(self, limit: int, *, prefix: str = "") -> list[PromptVersion]:
        """Return versions, see the port."""
        if prefix:
            # "~" is above every character of a version.
            where: Plain = {"_id": {"$gte": prefix, "$lt": f"{prefix}~"}}
            found = await self._prompt_versions.find(where, [("_id", 1)], limit)
        else:
            found = await self._prompt_versions.find({}, [("first_served_at", -1), ("_id", -1)], limit)
        return [PromptVersion(d["_id"], d["first_served_at"], len(d["files"])) for d in found]

    async def prompt_files(self, version: str) -> dict[str, bytes]:
        """Return a version's files. Raises NotFound."""
        document = await self._prompt_versions.first({"_id": version})
        if document is None:
            raise NotFound(f"There is no prompt version {version}.")
        names = {name for _, name in document["files"]}
        found = await self._prompt_files.find({"_id": {"$in": sorted(names)}}, [("_id", 1)])
        contents = {d["_id"]: bytes(d["content"]) for d in found}
        return {path: contents[name] for path, name in document["files"]}

    async def prompt_serving(self) -> PromptServing:
        """Return what is to be served, see the port."""
        document = await self._prompt_serving.first({"_id": _SERVING})
        return PromptServing() if document is None else PROMPT_SERVING.decode(document)

    async def change_prompt_serving(self, serving: PromptServing) -> None:
        """Replace what is to be served. Raises Conflict."""
        plain = PROMPT_SERVING.encode(serving)
        if serving.revision == 1:
            done = await self._prompt_serving.insert({"_id": _SERVING, **plain})
        else:
            present = {"_id": _SERVING, "revision": serving.revision - 1}
            done = await self._prompt_serving.change(present, {"$set": plain})
        if not done:
            raise Conflict("Somebody else changed what is to be served first.")
