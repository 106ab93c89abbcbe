"""What of a message the local judgement weighs: letters, words, and what the words mean.

Letters and words catch what the examples say literally. Concepts (see ``graph.reading``) carry it over
to words that no example has: sequences of them with gaps, pairs within a clause, what begins and ends.
"""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import pairwise

from graph.reading import BREAK, QUESTION, Reading

BLOCKS = ("letters", "words", "concepts")
CONCEPTS = 2  # the index of the block whose features count as there or not
_LETTERS = range(2, 6)
_GAP = 6
_OTHER = "_"
# Links between concepts, which say little by themselves and would part what belongs together.
_LINKS = frozenset({"with", "that", "because"})
_MANY_CLAUSES = 5
_REACH = 4
_DENIALS = frozenset({"neg", "noneed"})
# Concepts that do the same in a sentence, whichever of them it is.
_ROLES = {
    "human": "person", "somebody": "person", "agent": "person", "boss": "person", "role": "person",
    "dept": "person", "service": "person", "nobody": "person",
    "talk": "reach", "call": "reach", "transfer": "reach", "attend": "reach",
    "want": "ask", "can": "ask", "please": "ask", "avail": "ask",
    "anger": "upset", "repeat": "upset", "solve": "upset", "legal": "upset", "wait": "upset",
    "emoanger": "upset",
    "past": "before", "talked": "before", "solved": "before",
    "cond": "aside", "third": "aside", "hiring": "aside", "sense": "aside", "quantity": "aside",
    "says": "aside", "quoted": "aside", "info": "aside", "about": "aside",
    "neg": "denial", "noneed": "denial", "emerg": "danger", "urgent": "danger",
    "hazard": "hazard", "victim": "victim", "name": "person",
    "bot": "bot", "me": "me", "you": "you", "?": "?",
}  # fmt: skip
_LONG = 8

Clause = list[tuple[str, bool]]


def features(reading: Reading) -> tuple[list[str], list[str], list[str]]:
    """Return the features of a message, by block; letters and words repeat as often as they occur."""
    return letters(reading.words), words(reading.words), concepts(reading)


def letters(spelt: tuple[str, ...]) -> list[str]:
    """Return the sequences of 2 to 5 letters within each word, its edges being letters, too."""
    found: list[str] = []
    for word in spelt:
        if word not in {BREAK, QUESTION}:
            found += _letters_of(word)
    return found


@lru_cache(maxsize=20_000)
def _letters_of(word: str) -> tuple[str, ...]:
    edged = f" {word} "
    size = len(edged)
    short = [n for n in _LETTERS if n < size]
    found = [edged[i : i + n] for n in short for i in range(size - n + 1)]
    return tuple(found if len(short) == len(_LETTERS) else [*found, edged])


def words(spelt: tuple[str, ...]) -> list[str]:
    """Return the sequences of 1 to 3 words."""
    plain = [word for word in spelt if word != BREAK]
    found = list(plain)
    found += [f"{a} {b}" for a, b in pairwise(plain)]
    found += [f"{a} {b} {c}" for a, b, c in zip(plain, plain[1:], plain[2:], strict=False)]
    return found


def concepts(reading: Reading) -> list[str]:
    """Return the features of meaning, each once, in a fixed order."""
    found: dict[str, None] = {}
    parts = clauses(reading)
    present: set[str] = set()
    for clause in parts:
        core = [name for name, known in clause if known and name not in _LINKS]
        present.update(core)
        found.update(dict.fromkeys(_of_clause(clause, core)))
    ordered = sorted(present)
    found.update({f"has {name}": None for name in ordered})
    found.update({f"both {a} {b}": None for i, a in enumerate(ordered) for b in ordered[i + 1 :]})
    found[f"clauses {min(_MANY_CLAUSES, len(parts))}"] = None
    found[f"length {min(_LONG, int(1.5 * math.log2(len(reading.words) + 1)))}"] = None
    found[f"lang {reading.lang}"] = None
    if parts:
        found.update({f"{edge} {name}": None for edge, name in _edges(parts)})
    if not present:
        found["nothing known"] = None
    return list(found)


def clauses(reading: Reading) -> list[Clause]:
    """Return the clauses of a message; a question's mark is part of it."""
    found: list[Clause] = []
    current: Clause = []
    for name, known in zip(reading.concepts, reading.known, strict=True):
        if name not in {BREAK, QUESTION}:
            current.append((name, known))
            continue
        if name == QUESTION:
            current.append((QUESTION, True))
        if current:
            found.append(current)
        current = []
    if current:
        found.append(current)
    return found


def _of_clause(clause: Clause, core: list[str]) -> list[str]:
    found: list[str] = []
    stream = ["^"]
    for name, known in clause:
        if known:
            stream.append(name)
        elif stream[-1] != _OTHER:
            stream.append(_OTHER)
    stream.append("$")
    for n in range(1, 5):
        found += [f"in {' '.join(stream[i : i + n])}" for i in range(len(stream) - n + 1)]
    bare = ["^", *core, "$"]
    for n in (2, 3):
        found += [f"of {' '.join(bare[i : i + n])}" for i in range(len(bare) - n + 1)]
    for i, first in enumerate(core):
        found += [f"then {first} {second}" for second in core[i + 1 : i + _GAP]]
    found += _denied(core)
    found += _roles(core)
    mixed = [name for name, _ in clause]
    found += [f"mixed {a} {b}" for a, b in pairwise(mixed)]
    found += [f"mixed {a} {b} {c}" for a, b, c in zip(mixed, mixed[1:], mixed[2:], strict=False)]
    return found


def _denied(core: list[str]) -> list[str]:
    """Return the concepts that stand under a negation, and those that stand free."""
    left, found = 0, []
    for name in core:
        if name in _DENIALS:
            left = _REACH
        elif left:
            found.append(f"no {name}")
            left -= 1
        else:
            found.append(f"plain {name}")
    return found


def _roles(core: list[str]) -> list[str]:
    roles = [_ROLES[name] for name in core if name in _ROLES]
    edged = ["^", *roles, "$"]
    found = [f"roles {' '.join(edged[i : i + n])}" for n in (2, 3, 4) for i in range(len(edged) - n + 1)]
    found.append("all " + " ".join(sorted(set(roles))))
    for i, a in enumerate(roles):
        for j in range(i + 1, min(len(roles), i + _GAP)):
            found += [f"roles {a} {roles[j]} {c}" for c in roles[j + 1 : i + _GAP]]
    return found


def _edges(parts: list[Clause]) -> list[tuple[str, str]]:
    first = [name for name, known in parts[0] if known][:1]
    last = [name for name, known in parts[-1] if known][-1:]
    return [("first", name) for name in first] + [("last", name) for name in last]
