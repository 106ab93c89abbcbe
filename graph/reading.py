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
from itertools import groupby

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
    r"[\"\u201c\u201e\u201d]([^\"\u201c\u201d\u201e]{3,120}? [^\"\u201c\u201d\u201e]{1,120}?)[\"\u201c\u201d]"
    r"|\u00ab([^\u00ab\u00bb]{1,120}? [^\u00ab\u00bb]{1,120}?)\u00bb"
)
# Written for machines rather than people, as JSON and marks are: nobody's wish.
_MARKUP = re.compile(
    r"\[\[[^\[\]]*\]\]"
    r"|\[(?!\d)[^\[\]:=\"_{}]*[:=\"_{}][^\[\]]*\]"
    r"|\{[^{}:=\"'_/]*[:=\"'_/][^{}]*\}"
    r"|<[^<>:=/_]*[:=/_][^<>]*>"
)
_NESTED = 3
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
# Those of them that people name in several words, each of which may be misspelt ("customer service").
_NAMED = ("agent", "service")
_NAMED_WORD = 6
# The fewest letters of a word in which a doubled letter, or two letters in each other's place, are seen, and
# of one that is two run together.
_DOUBLED, _JOINED = 4, 6
# Words run together: one that decides, of so many letters, and one that so many texts use.
_JOINED_PART, _EVERYDAY = 4, 40
_PARTED = frozenset(_REPAIRED) - {"attend"}
# First letters that sound alike in one of the languages; an h is silent.
_ALIKE = str.maketrans("vkqszjy", "bccccgi")
# A word that so many texts use is one.
_WORN = 4
# What so many wishes use is worth being found behind a misspelling; a rare word of the lexicon is not.
_SOUGHT = 2
# How much more, as a logarithm, its words must speak for a language than for the one that is expected.
_EXPECTED = 1.0
# As far apart, the languages' shares of a message's words leave no doubt.
_DECIDED = 6.0


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

    def read(self, text: str, expected: str | None = None) -> Reading:
        """Return ``text`` read; a text without words gives an empty reading.

        Args:
            text: what somebody wrote.
            expected: the locale to take where the words leave it open; one that is not read counts as None.
        """
        tokens = self._tokens(text)
        scores = self._guess.scores(tokens)
        if expected in scores:
            scores[expected] += _EXPECTED
        lang = self._ahead(scores, tokens)
        return self._languages[lang].read(lang, tokens)

    def spelt(self, lang: str, text: str) -> str:
        """Return the words of ``text`` as they stand in a reading, in the language ``lang``."""
        return " ".join(self._languages[lang].read(lang, self._tokens(text)).words)

    def _ahead(self, scores: dict[str, float], tokens: list[str]) -> str:
        """Return the language that most speaks for; close together, that in which a misspelt word is one."""
        first, *others = sorted(scores, key=scores.__getitem__, reverse=True)
        if not others or scores[first] - scores[others[0]] >= _DECIDED:
            return first
        for token in tokens:
            if len(token) >= _DOUBLED and not self._guess.knows(token):
                mended = {lang: self._languages[lang].mended(token) for lang in scores}
                for lang, found in mended.items():
                    if found is not None:
                        scores[lang] += _DECIDED / (1 + OSA.distance(token, found))
        return max(scores, key=scores.__getitem__)

    def _tokens(self, text: str) -> list[str]:
        said = _unmarked(text[:_LONGEST])
        shown = _PICTURE.sub(lambda m: self._emoji.get(m.group(), " . "), said)
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


def _unmarked(text: str) -> str:
    """Return ``text`` with what is written for machines as one thing each; nothing where that is all."""
    said = text
    for _ in range(_NESTED):
        said, times = _MARKUP.subn(f" {QUOTED} ", said)
        if not times:
            break
    return said if said == text or said.replace(QUOTED, "").strip(" .!?") else ""


def vocabulary_of(texts: Iterable[tuple[str, str]]) -> dict[str, dict[str, int]]:
    """Return how often each locale's texts use each word.

    Args:
        texts: locale and text.
    """
    found: dict[str, Counter[str]] = {}
    for lang, text in texts:
        found.setdefault(lang, Counter()).update(t for t in _TOKEN.findall(fold(text)) if t[0].isalpha())
    return {lang: dict(counts) for lang, counts in found.items()}


def _single(word: str) -> str:
    """Return a word without doubled letters."""
    return "".join(letter for letter, _ in groupby(word))


def _slips(word: str) -> list[str]:
    """Return a word with each two neighbouring letters in each other's place."""
    return [word[:i] + word[i + 1] + word[i] + word[i + 2 :] for i in range(len(word) - 1)]


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

    def knows(self, token: str) -> bool:
        return token in self._weights

    def scores(self, tokens: list[str]) -> dict[str, float]:
        scores = [0.0] * len(self._langs)
        for token in tokens:
            found = self._weights.get(token)
            if found is not None:
                for index, weight in enumerate(found):
                    scores[index] += weight
        return dict(zip(self._langs, scores, strict=True))


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
                    if concept in _NAMED:
                        repairable.update(w for w in words if len(w) >= _NAMED_WORD)
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
        usable = repairable & sought
        self._repairable = sorted(w for w in usable if len(w) >= _SHORT)
        self._doubled = {_single(w): w for w in sorted(usable) if len(w) >= _DOUBLED}
        self._swapped = {slip: w for w in sorted(usable) if len(w) == _DOUBLED for slip in _slips(w)}
        self._deciding = {w for w in usable if len(w) >= _JOINED_PART and self._exact.get(w) in _PARTED}
        self._everyday = {w for w, n in vocabulary.items() if n >= _EVERYDAY}
        self._repair = lru_cache(maxsize=20_000)(self._repaired)
        self._concept = lru_cache(maxsize=20_000)(self._concept_of)

    def mended(self, token: str) -> str | None:
        """Return what ``token`` misspells; None where it does not."""
        found = self._repair(token)
        return None if found == (token,) else " ".join(found)

    def read(self, lang: str, tokens: list[str]) -> Reading:
        words = self._spelt(tokens)
        words = [mended for w in words for mended in (self._repair(w) if len(w) >= _DOUBLED else (w,))]
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

    def _repaired(self, word: str) -> tuple[str, ...]:
        """Return the word of the lexicon that ``word`` misspells, or the two run together; else itself."""
        if word in self._right or not word.isalpha() or self._concept_of(word) is not None:
            return (word,)
        doubled = self._doubled.get(_single(word))
        if doubled is not None:
            return (doubled,)
        if len(word) >= _JOINED and (parts := self._parted(word)):
            return parts
        if len(word) >= _SHORT:
            allowed = 1 if len(word) < _MEDIUM else 2
            best = process.extractOne(word, self._repairable, scorer=OSA.distance, score_cutoff=allowed)
            if best is not None and (best[0][0] == word[0] or _onset(best[0]) == _onset(word)):
                return (str(best[0]),)
        elif word in self._swapped:
            return (self._swapped[word],)
        return (word,)

    def _parted(self, word: str) -> tuple[str, str] | None:
        for cut in range(2, len(word) - 1):
            first, second = word[:cut], word[cut:]
            if (first in self._deciding and second in self._everyday) or (
                first in self._everyday and second in self._deciding
            ):
                return first, second
        return None
