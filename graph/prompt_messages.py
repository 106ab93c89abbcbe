"""Reading ``prompts/messages/<locale>.yaml``: the fixed texts of one language."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import replace

from graph.prompt_reader import FileReader
from graph.prompt_schema import CHOICES, COUNTED, MESSAGES, ChoiceText, choices_of
from graph.prompt_yaml import Document
from graph.templates import Forms, Phrase, Text, forms_of

_Keys = tuple[str, ...]


def read_messages(reader: FileReader, locale: str) -> dict[str, Phrase]:
    """Return the texts by dotted key; what is wrong with them is in the reader's problems."""
    file = f"messages/{locale}.yaml"
    document = reader.document(file)
    return {} if document is None else _Texts(reader, file, document, locale).read()


class _Texts:
    def __init__(self, reader: FileReader, file: str, document: Document, locale: str) -> None:
        self._reader = reader
        self._file = file
        self._document = document
        self._locale = locale

    def read(self) -> dict[str, Phrase]:
        data = self._document.data
        if not isinstance(data, dict):
            self._reader.problem(
                self._file, None, "must hold texts by key, as `handoff:` with `transfer:` below."
            )
            return {}
        flat = {".".join(keys): (keys, value) for keys, value in _leaves(data)}
        for key in sorted(set(MESSAGES) - set(flat)):
            # Where its neighbours stand is where it belongs.
            near = self._document.line(key.split(".")[:-1]) if key.split(".")[0] in data else None
            self._reader.problem(self._file, near, f"the text {key!r} is missing; add it.")
        texts: dict[str, Phrase] = {}
        for key, (keys, value) in flat.items():
            if key not in MESSAGES:
                close = difflib.get_close_matches(key, MESSAGES, n=1)
                hint = f"did you mean {close[0]!r}?" if close else "remove it."
                self._problem(keys, f"the text {key!r} is not known; {hint}")
            elif (phrase := self._phrase(key, keys, value)) is not None:
                texts[key] = phrase
        return texts

    def _phrase(self, key: str, keys: _Keys, value: object) -> Phrase | None:
        """Read one text, or its forms by number."""
        if not isinstance(value, dict):
            if key in CHOICES:
                self._problem(keys, f"the text {key!r} needs `text:` and `choices:` below it.")
                return None
            return self._words(key, keys, value)
        if "choices" in value or "text" in value:
            return self._offer(key, keys, value)
        if key not in COUNTED:
            self._problem(keys, f"the text {key!r} has no number to choose forms by; write one text.")
            return None
        return self._forms(key, keys, value)

    def _forms(self, key: str, keys: _Keys, value: dict[object, object]) -> Forms | None:
        wanted = forms_of(self._locale)
        for name in sorted(map(str, set(value) ^ set(wanted))):
            mend = "add it" if name in wanted else f"there are {', '.join(wanted)}; remove it"
            said = "is missing" if name in wanted else f"is not used in {self._locale}"
            self._problem((*keys, name), f"the form {name!r} of {key!r} {said}; {mend}.")
        texts = {
            str(name): text
            for name, one in value.items()
            if (text := self._words(key, (*keys, str(name)), one)) is not None
        }
        return Forms(COUNTED[key], self._locale, texts) if set(texts) == set(wanted) else None

    def _offer(self, key: str, keys: _Keys, value: dict[object, object]) -> Text | None:
        """Read a text that offers answers to tap."""
        offer = self._reader.model(self._file, self._document, value, ChoiceText, keys)
        if offer is None:
            return None
        choices = choices_of(offer.choices)
        if (ids := CHOICES.get(key)) and ids != tuple(choice.id for choice in choices):
            self._problem((*keys, "choices"), f"the choices of {key!r} must be, in order: {', '.join(ids)}.")
        text = self._words(key, (*keys, "text"), offer.text)
        return None if text is None else replace(text, choices=choices)

    def _words(self, key: str, keys: _Keys, value: object) -> Text | None:
        if not isinstance(value, str) or not value.strip():
            self._problem(keys, f"the text {key!r} must be words; put it in quotes.")
            return None
        line = self._document.text_line(keys)
        return self._reader.text(self._file, value.strip(), line, MESSAGES[key], self._locale)

    def _problem(self, keys: _Keys, message: str) -> None:
        self._reader.problem(self._file, self._document.line(keys), message)


def _leaves(data: object, keys: _Keys = ()) -> Iterator[tuple[_Keys, object]]:
    """Yield the leaves with their keys; a text's forms by number are one leaf."""
    if not isinstance(data, dict) or (".".join(keys) in MESSAGES and data):
        if keys:
            yield keys, data
        return
    for key, value in data.items():
        yield from _leaves(value, (*keys, str(key)))
