"""Reading a message as words and as what the words mean, whatever its spelling.

Each word gets at most one concept ("asesor", "atendente" and "representative" are all ``agent``), so that
what is learned from one sentence holds for those that say the same in other words.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from rapidfuzz import process
from rapidfuzz.distance import OSA

from graph.lexicon_spec import Lexicons, LexiconSpec
from graph.text import fold

BREAK = "|"
QUESTION = "?"
QUOTED = "quoted"
NUMBER = "0"

_LONGEST = 1_600
_TOKEN = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*|\d[\d.,:/-]*\w*|[?]|[.!;:,\u2026()]|\s[-\u2013\u2014]\s")
# A pair of marks with at least two words between: somebody else's words.
_QUOTE = re.compile(
    r"[\"\u201c\u201e\u201d]([^\"\u201c\u201d]{3,120}? [^\"\u201c\u201d]{1,120}?)[\"\u201c\u201d]"
    r"|\u00ab([^\u00bb]+ [^\u00bb]+)\u00bb"
)
_PICTURE = re.compile(r"[\U0001f000-\U0001faff\u2600-\u27bf\u2b00-\u2bff\ufe0f\u200d]")
_EXPRESSION = 5

# Only these concepts' words are looked for behind a misspelling; they decide most.
_REPAIRED = (
    "agent",
    "boss",
    "human",
    "somebody",
    "nobody",
    "talk",
    "want",
    "transfer",
    "attend",
    "call",
    "bot",
    "service",
)
_SHORT, _MEDIUM = 5, 8
# First letters that sound alike in one of the languages; an h is silent.
_ALIKE = str.maketrans("vkqszjy", "bccccgi")
# A word that so many texts use is one.
_WORN = 4
# What so many wishes use is worth being found behind a misspelling; a rare word of the lexicon is not.
_SOUGHT = 2


@dataclass(frozen=True, slots=True)
class Reading:
    """A message, read.

    Args:
        lang: the locale that it is most likely written in.
        words: spelt as in a dictionary, folded, with marks for the ends of clauses, questions, quotations
            and numbers.
        concepts: for each word or expression its concept; the word itself where it has none.
        known: which of ``concepts`` are concepts.
        starts: for each of ``concepts`` the index of its first word.
    """

    lang: str
    words: tuple[str, ...]
    concepts: tuple[str, ...]
    known: tuple[bool, ...]
    starts: tuple[int, ...]

    def part(self, begin: int, end: int) -> Reading:
        """Return the words of the concepts from ``begin`` up to ``end``, as a message of its own."""
        first = self.starts[begin]
        last = self.starts[end] if end < len(self.starts) else len(self.words)
        starts = tuple(start - first for start in self.starts[begin:end])
        return Reading(
            self.lang, self.words[first:last], self.concepts[begin:end], self.known[begin:end], starts
        )


class Reader:
    """Reads messages in all languages of the lexicon.

    Args:
        lexicons: what words mean.
        vocabulary: for each locale how often its texts use a word; tells languages apart, and keeps
            words that people use from being taken for misspelt ones.
        usual: the same of texts in which nobody asks for a human, where words that look like "atendente" are
            words of their own and not misspellings of it.
    """

    def __init__(
        self,
        lexicons: Lexicons,
        vocabulary: Mapping[str, Mapping[str, int]],
        usual: Mapping[str, Mapping[str, int]],
    ) -> None:
        self._emoji = {c: f" emo{name} " for name, chars in lexicons.emoji.items() for c in chars}
        self._guess = _Guess(lexicons, vocabulary)
        self._languages = {
            lang: _Language(spec, vocabulary.get(lang, {}), usual.get(lang, {}))
            for lang, spec in lexicons.languages.items()
        }

    def read(self, text: str) -> Reading:
        """Return ``text`` read; a text without words gives an empty reading."""
        tokens = self._tokens(text)
        lang = self._guess.language(tokens)
        return self._languages[lang].read(lang, tokens)

    def _tokens(self, text: str) -> list[str]:
        shown = _PICTURE.sub(lambda m: self._emoji.get(m.group(), " . "), text[:_LONGEST])
        stripped = shown.strip()
        unquoted = _QUOTE.sub(f" {QUOTED} ", stripped)
        if unquoted.strip(" .!?") != QUOTED:
            stripped = unquoted
        tokens: list[str] = []
        for token in _TOKEN.findall(fold(stripped)):
            if token[0].isdigit():
                tokens.append(NUMBER)
            elif token[0].isalpha():
                tokens.append(token)
            else:
                mark = QUESTION if token == QUESTION else BREAK
                if tokens and tokens[-1] not in {mark, QUESTION}:
                    if tokens[-1] == BREAK:
                        tokens.pop()
                    tokens.append(mark)
        if tokens and tokens[-1] == BREAK:
            tokens.pop()
        return tokens


def vocabulary_of(texts: Iterable[tuple[str, str]]) -> dict[str, dict[str, int]]:
    """Return how often each locale's texts use each word.

    Args:
        texts: locale and text.
    """
    found: dict[str, Counter[str]] = {}
    for lang, text in texts:
        found.setdefault(lang, Counter()).update(t for t in _TOKEN.findall(fold(text)) if t[0].isalpha())
    return {lang: dict(counts) for lang, counts in found.items()}


def _onset(word: str) -> str:
    """Return the first sound of a word, roughly."""
    return word.removeprefix("h")[:1].translate(_ALIKE)


class _Guess:
    """Which language a message is written in, by how often each language uses its words."""

    def __init__(self, lexicons: Lexicons, vocabulary: Mapping[str, Mapping[str, int]]) -> None:
        self._langs = list(lexicons.languages)
        counts: dict[str, Counter[str]] = {}
        for lang, spec in lexicons.languages.items():
            own = Counter(vocabulary.get(lang, {}))
            for expression in [*spec.spellings, *(w for c in spec.concepts.values() for w in c)]:
                own.update({fold(word): 1 for word in expression.split() if not word.endswith("*")})
            counts[lang] = own
        totals = {lang: sum(own.values()) + 1 for lang, own in counts.items()}
        self._weights = {
            word: tuple(math.log((counts[lang][word] + 0.02) / totals[lang] * 1e4) for lang in self._langs)
            for word in frozenset().union(*counts.values())
        }

    def language(self, tokens: list[str]) -> str:
        scores = [0.0] * len(self._langs)
        for token in tokens:
            found = self._weights.get(token)
            if found is not None:
                for index, weight in enumerate(found):
                    scores[index] += weight
        return self._langs[max(range(len(scores)), key=scores.__getitem__)]


class _Language:
    def __init__(self, spec: LexiconSpec, vocabulary: Mapping[str, int], usual: Mapping[str, int]) -> None:
        self._spellings = {fold(k): fold(v).split() for k, v in spec.spellings.items()}
        self._exact: dict[str, str] = {}
        self._prefixes: dict[str, str] = {}
        self._expressions: dict[tuple[str, ...], str] = {}
        self._starts: set[str] = set()
        repairable: set[str] = set()
        for concept, entries in spec.concepts.items():
            for entry in entries:
                words = self._spelt(fold(entry).split())
                if len(words) > 1:
                    self._expressions.setdefault(tuple(words), concept)
                    self._starts.add(words[0])
                elif words[0].endswith("*"):
                    self._prefixes.setdefault(words[0][:-1], concept)
                else:
                    self._exact.setdefault(words[0], concept)
                if len(words) == 1 and concept in _REPAIRED:
                    repairable.add(words[0].rstrip("*"))
        # A stem alone is no word; the words that people write with it are.
        stems = {w for w in repairable if w in self._prefixes}
        seen = {w for w, n in vocabulary.items() if n >= _WORN or usual.get(w, 0) > 1}
        repairable |= {w for w in seen if any(w.startswith(s) for s in stems)}
        self._right = (
            frozenset(fold(w) for w in spec.ordinary) | seen | set(self._exact) | set(self._spellings)
        )
        sought = {w for w, n in vocabulary.items() if n - usual.get(w, 0) >= _SOUGHT}
        self._repairable = sorted(w for w in repairable & sought if len(w) >= _SHORT)
        self._repair = lru_cache(maxsize=20_000)(self._repaired)
        self._concept = lru_cache(maxsize=20_000)(self._concept_of)

    def read(self, lang: str, tokens: list[str]) -> Reading:
        words = self._spelt(tokens)
        words = [self._repair(w) if len(w) >= _SHORT else w for w in words]
        concepts: list[str] = []
        known: list[bool] = []
        starts: list[int] = []
        index, end = 0, len(words)
        while index < end:
            size, concept = self._expression(words, index)
            if concept is None:
                concept = self._concept(words[index])
            concepts.append(words[index] if concept is None else concept)
            known.append(concept is not None)
            starts.append(index)
            index += size
        return Reading(lang, tuple(words), tuple(concepts), tuple(known), tuple(starts))

    def _expression(self, words: list[str], index: int) -> tuple[int, str | None]:
        if words[index] in self._starts:
            for size in range(min(_EXPRESSION, len(words) - index), 1, -1):
                found = self._expressions.get(tuple(words[index : index + size]))
                if found is not None:
                    return size, found
        return 1, None

    def _spelt(self, words: list[str]) -> list[str]:
        spelt: list[str] = []
        for word in words:
            found = self._spellings.get(word)
            if found is None:
                spelt.append(word)
            else:
                spelt += found
        return spelt

    def _concept_of(self, word: str) -> str | None:
        found = self._exact.get(word)
        if found is not None:
            return found
        if word.startswith("emo"):
            return word if word[3:] else None
        for size in range(len(word), 2, -1):
            found = self._prefixes.get(word[:size])
            if found is not None:
                return found
        return None

    def _repaired(self, word: str) -> str:
        """Return the word of the lexicon that ``word`` misspells; itself where it does not."""
        if word in self._right or not word.isalpha() or self._concept_of(word) is not None:
            return word
        allowed = 1 if len(word) < _MEDIUM else 2
        best = process.extractOne(word, self._repairable, scorer=OSA.distance, score_cutoff=allowed)
        if best is None or _onset(best[0]) != _onset(word):
            return word
        return str(best[0])
