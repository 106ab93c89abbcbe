"""What a user may name where a set of prompt files is asked for: a folder, or a version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ponte.bootstrap import Ponte
from ponte.errors import InvalidInput

FILES: Final = "files"
SERVED: Final = "served"


@dataclass(frozen=True, slots=True)
class Source:
    """A set of prompt files that can be served.

    Args:
        label: what the user called it.
        version: of its contents.
        files: by path.
    """

    label: str
    version: str
    files: Mapping[str, bytes]


async def source_of(ponte: Ponte, name: str) -> Source:
    """Return the files that a user names: ``files``, a folder, or a stored version or its beginning.

    Raises:
        InvalidInput: several versions begin so, or the files cannot be used; names their faults.
        NotFound: there is no such version.
    """
    from graph.prompt_source import read_folder, version_of  # noqa: PLC0415 - loads only what it runs
    from graph.prompts import read_prompts  # noqa: PLC0415 - as above

    folder = ponte.settings.prompts_dir if name == FILES else Path(name)
    if name == FILES or folder.is_dir():
        snapshot = read_folder(folder)
        files, label = snapshot.files, str(folder)
        unread = [f"{file}: {said}" for file, said in snapshot.unread.items()]
    else:
        label = (await ponte.prompts.find(name)).version
        files, unread = await ponte.prompts.files(label), []
    problems = unread + [str(problem) for problem in read_prompts(files)[1]]
    if problems:
        lines = "\n  ".join(problems)
        raise InvalidInput(f"The prompt files of {label} cannot be used:\n  {lines}")
    return Source(label, version_of(files), files)
