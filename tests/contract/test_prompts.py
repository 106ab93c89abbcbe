"""Versions of the prompt files, and which one is to be served."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace

import pytest

from ponte.domain.prompt_version import CanaryEnd, EndedCanary, PromptCanary, PromptServing
from ponte.errors import Conflict, NotFound
from ponte.ports import Store
from tests.contract.builders import NOW, Crash, CrashAfter, OpenStore

FILES = {
    "a.md": b"\xef\xbb\xbfbytes \xff\r\n",
    "handoff/b.yaml": b"",
    "same.md": b"\xef\xbb\xbfbytes \xff\r\n",
}


async def test_a_version_is_kept_to_the_byte(store: Store) -> None:
    """Every file comes back as it was, empty and equal ones too; an unknown version is not found."""
    await store.keep_prompts("abc123", FILES, NOW)
    assert await store.prompt_files("abc123") == FILES
    with pytest.raises(NotFound):
        await store.prompt_files("abc")


async def test_a_version_never_changes(store: Store) -> None:
    """Kept again, at another time and by many at once, it stays as it first was."""
    await asyncio.gather(*(store.keep_prompts("abc123", FILES, NOW) for _ in range(8)))
    await store.keep_prompts("abc123", {"other.md": b"x"}, NOW + 1)
    assert await store.prompt_files("abc123") == FILES
    assert [(v.version, v.first_served_at, v.files) for v in await store.prompt_versions(10)] == [
        ("abc123", NOW, 3)
    ]


async def test_versions_are_listed_and_found_by_their_beginning(store: Store) -> None:
    """The newest first; a prefix finds those that begin with it, a limit holds."""
    for n, version in enumerate(["ab1", "ab2", "ac1", "ff0"]):
        await store.keep_prompts(version, {f"{n}.md": b"x"}, NOW + n)
    assert [v.version for v in await store.prompt_versions(3)] == ["ff0", "ac1", "ab2"]
    assert [v.version for v in await store.prompt_versions(9, prefix="ab")] == ["ab1", "ab2"]
    assert [v.version for v in await store.prompt_versions(1, prefix="a")] == ["ab1"]
    assert await store.prompt_versions(9, prefix="b") == []


async def test_a_version_cut_short_can_be_kept_again(open_store: OpenStore) -> None:
    """Wherever a process dies while it keeps a version, there is all of it afterwards or nothing."""
    for writes in range(3):
        crash = CrashAfter()
        async with open_store(crash) as store:
            await store.migrate()
            crash.arm(writes)
            with suppress(Crash):
                await store.keep_prompts(f"v{writes}", FILES, NOW)
        async with open_store() as store:
            kept = await store.prompt_versions(9, prefix=f"v{writes}")
            assert not kept or await store.prompt_files(f"v{writes}") == FILES
            await store.keep_prompts(f"v{writes}", FILES, NOW)
            assert await store.prompt_files(f"v{writes}") == FILES


async def test_what_is_to_be_served_comes_back_whole(store: Store) -> None:
    """Nothing at first; then all that was written: a trial with its bounds, and one that is over."""
    assert await store.prompt_serving() == PromptServing()
    trial = PromptCanary("ff0", 12.5, NOW, (("handoff_rate", 0.25), ("failures", 3.0)))
    first = PromptServing(1, "abc", "def", trial, NOW, "operator")
    await store.change_prompt_serving(first)
    assert await store.prompt_serving() == first
    ended = EndedCanary("ff0", 12.5, NOW, NOW + 1, CanaryEnd.ROLLED_BACK, "half an emoji", "worker")
    second = replace(first, revision=2, pinned=None, canary=None, ended=ended)
    await store.change_prompt_serving(second)
    assert await store.prompt_serving() == second


async def test_one_of_many_changes_what_is_served(store: Store) -> None:
    """Of many changes from the same revision one wins, the first ever too; the others learn of it."""
    for revision in (1, 2):
        changes = [PromptServing(revision, pinned=f"v{n}") for n in range(8)]
        found = await asyncio.gather(*map(store.change_prompt_serving, changes), return_exceptions=True)
        assert sum(answer is None for answer in found) == 1
        assert sum(isinstance(answer, Conflict) for answer in found) == 7
    with pytest.raises(Conflict):
        await store.change_prompt_serving(PromptServing(4))
    assert (await store.prompt_serving()).revision == 2
