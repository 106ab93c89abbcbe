"""Keeping what was learned: training takes some seconds, and each process would do it again.

The file's name is a hash of all that the result depends on, so a stale one is never read. It is JSON:
a file that somebody else wrote can hold wrong weights, but no code.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

import structlog
from pydantic import TypeAdapter, ValidationError

from graph.classifier import Example, HandoffClassifier, Weights
from graph.classifier_training import reader_of, train
from graph.lexicon_spec import Lexicons

log = structlog.get_logger(__name__)

# Raise it when the same examples would give other weights: with the features or the learning.
_REVISION = 5
_KEPT = 5
_RECENT_AT_MOST = 2

# What this process learned or read last, by key: an edit of other files, or a second context, costs nothing.
_recent: dict[str, HandoffClassifier] = {}


def trained(examples: Sequence[Example], lexicons: Lexicons, cache: Path | None) -> HandoffClassifier:
    """Return the judgement for ``examples``: from ``cache``, or trained, and then kept there.

    A cache that cannot be read or written costs time, nothing else.

    Args:
        examples: labelled messages.
        lexicons: what words mean.
        cache: the folder; None: train always.

    Raises:
        ValueError: the examples hold only one of the two labels.
    """
    key = _key(examples, lexicons)
    found = _recent.get(key)
    if found is None:
        found = train(examples, lexicons) if cache is None else _kept(examples, lexicons, cache, key)
        _recent[key] = found
        for old in list(_recent)[:-_RECENT_AT_MOST]:
            _recent.pop(old, None)
    return found


def _kept(examples: Sequence[Example], lexicons: Lexicons, cache: Path, key: str) -> HandoffClassifier:
    file = cache / f"handoff-{key}.json"
    weights = _read(file)
    if weights is not None:
        return HandoffClassifier(reader_of(examples, lexicons), weights)
    classifier = train(examples, lexicons)
    try:
        _write(file, classifier.weights)
    except OSError as error:
        log.warning("classifier_not_cached", folder=str(cache), reason=error.strerror)
    return classifier


def _key(examples: Sequence[Example], lexicons: Lexicons) -> str:
    learner = [_REVISION, version("scikit-learn"), version("rapidfuzz")]
    taught = [[e.lang, e.wants_human, e.text] for e in examples]
    words = [
        [lang, list(spec.spellings.items()), spec.ordinary, list(spec.concepts.items())]
        for lang, spec in lexicons.languages.items()
    ]
    content = json.dumps([learner, taught, words, list(lexicons.emoji.items())], ensure_ascii=False)
    return hashlib.sha256(content.encode()).hexdigest()[:24]


def _read(file: Path) -> Weights | None:
    try:
        content = file.read_bytes()
    except OSError:
        return None
    try:
        weights = TypeAdapter(Weights).validate_json(content)
    except ValidationError:
        log.warning("classifier_cache_unreadable", file=str(file))
        return None
    with suppress(OSError):  # only tells which files are in use
        os.utime(file)
    return weights


def _write(file: Path, weights: Weights) -> None:
    """Write beside and rename, so that nobody ever reads half a file; then drop the longest unused."""
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=".handoff-", suffix=".tmp")
    part = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(TypeAdapter(Weights).dump_json(weights))
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
    kept = sorted(file.parent.glob("handoff-*.json"), key=_used, reverse=True)
    for old in kept[_KEPT:]:
        old.unlink(missing_ok=True)


def _used(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except OSError:
        return 0.0


def forget() -> None:
    """Drop what this process remembers; the files stay."""
    _recent.clear()
