"""The files under ``prompts/``: loaded, checked and versioned as one whole."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from graph.classifier import Example
from graph.keywords import KeywordSpec
from graph.knowledge import Section
from graph.opt_out import OptOut
from graph.prompt_files import Problem, Reader
from graph.prompt_schema import HandoffPolicy, Policy, TemplateHead
from graph.smalltalk import Smalltalk
from graph.templates import Text
from ponte.errors import PromptError

_VERSION_LENGTH = 12


@dataclass(frozen=True, slots=True)
class Template:
    """A prompt with its front matter."""

    head: TemplateHead
    body: Text

    def render(self, **variables: object) -> str:
        """Return the prompt with the variables that it uses filled in; others are left out."""
        return self.body.render(**variables)


@dataclass(frozen=True, slots=True)
class PromptSet:
    """Everything under ``prompts/``, of one version.

    Args:
        version: 12 hex digits of the contents' hash; the same files give the same version anywhere.
        assistant: the bot's instructions.
        background: how what is known beside the conversation is told to the model.
        judge: the question whether a human is wanted.
        image: how a picture is described for the assistant.
        messages: the fixed texts by locale and key.
        policy: how the product behaves.
        handoff: thresholds of the detection.
        smalltalk: mere courtesies.
        opt_out: words that stop our messages and that ask for them again.
        keywords: phrases that ask for a human, by locale.
        examples: labelled messages.
        knowledge: the company's texts, by section.
    """

    version: str
    assistant: Template
    background: Template
    judge: Template
    image: Template
    messages: Mapping[str, Mapping[str, Text]]
    policy: Policy
    handoff: HandoffPolicy
    smalltalk: Smalltalk
    opt_out: OptOut
    keywords: Mapping[str, KeywordSpec]
    examples: tuple[Example, ...]
    knowledge: tuple[Section, ...]

    @property
    def waiting_reminder_ms(self) -> int:
        """How long a customer waits for an agent before being told that it takes longer."""
        return self.policy.waiting_reminder_minutes * 60_000

    def text(self, key: str, locale: str, **variables: object) -> str:
        """Return a fixed text.

        Args:
            key: e.g. ``handoff.transfer``; see ``graph.prompt_schema.MESSAGES``.
            locale: the language; one that Ponte does not speak gets pt-BR.
            variables: what the text may name.

        Raises:
            PromptError: there is no such key.
        """
        texts = self.messages.get(locale) or self.messages["pt-BR"]
        found = texts.get(key)
        if found is None:
            raise PromptError(f"messages/{locale}.yaml has no text {key!r}. Add it, or run the prompt check.")
        return found.render(**variables)


def prompts_version(directory: Path) -> str:
    """Return the version of the files in ``directory``: a hash over sorted relative paths and contents.

    Hidden files and editors' backups do not count.
    """
    digest = hashlib.sha256()
    for path in sorted(directory.rglob("*"), key=lambda p: p.relative_to(directory).as_posix()):
        relative = path.relative_to(directory)
        if not path.is_file() or path.name.endswith("~") or any(p.startswith(".") for p in relative.parts):
            continue
        content = path.read_bytes()
        digest.update(f"{relative.as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()[:_VERSION_LENGTH]


def load_prompts(directory: Path) -> PromptSet:
    """Load all prompt files.

    Raises:
        PromptError: names every file that cannot be used, the line where it is known, and the mend.
    """
    prompts, problems = read_prompts(directory)
    if prompts is None:
        lines = "\n  ".join(str(problem) for problem in problems)
        raise PromptError(f"These prompt files cannot be used:\n  {lines}")
    return prompts


def read_prompts(directory: Path) -> tuple[PromptSet | None, list[Problem]]:
    """Load all prompt files; return them, or None and everything that is wrong."""
    reader = Reader(directory)
    templates = reader.templates()
    messages = reader.messages()
    policy = reader.yaml("policy.yaml", Policy)
    handoff = reader.yaml("handoff/policy.yaml", HandoffPolicy)
    smalltalk, keywords = reader.smalltalk(), reader.keywords()
    opt_out = reader.opt_out()
    examples, knowledge = reader.examples(), reader.knowledge()
    if (
        reader.problems
        or policy is None
        or handoff is None
        or smalltalk is None
        or keywords is None
        or opt_out is None
    ):
        return None, reader.problems
    named = {name: Template(head, body) for name, (head, body) in templates.items()}
    prompts = PromptSet(
        version=prompts_version(directory),
        assistant=named["assistant.md"],
        background=named["background.md"],
        judge=named["handoff/judge.md"],
        image=named["image.md"],
        messages=messages,
        policy=policy,
        handoff=handoff,
        smalltalk=smalltalk,
        opt_out=opt_out,
        keywords=keywords,
        examples=examples,
        knowledge=knowledge,
    )
    return prompts, []
