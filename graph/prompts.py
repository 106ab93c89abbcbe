"""The files under ``prompts/``: loaded, checked and versioned as one whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from graph.classifier import Example
from graph.keywords import KeywordSpec
from graph.knowledge import Section
from graph.lexicon_spec import Lexicons
from graph.opt_out import OptOut
from graph.prompt_files import Problem, Reader
from graph.prompt_schema import HandoffPolicy, Policy, TemplateHead
from graph.prompt_source import Files, read_folder, version_of
from graph.prompt_trial import trial_problems
from graph.smalltalk import Smalltalk
from graph.templates import Phrase, Text
from ponte.domain.choices import Choice
from ponte.errors import PromptError


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
        rubric: the question whether a statement is true of an answer, for evaluations.
        agent_draft: how an answer is proposed to an agent.
        agent_brief: how the bot is told what an agent did.
        translate: how texts are translated for agents and customers.
        messages: the fixed texts by locale and key.
        policy: how the product behaves.
        handoff: thresholds of the detection.
        smalltalk: mere courtesies.
        opt_out: words that stop our messages and that ask for them again.
        keywords: phrases that ask for a human, by locale.
        lexicons: how words are spelt, and what they mean for the detection.
        examples: labelled messages.
        knowledge: the company's texts, by section.
    """

    version: str
    assistant: Template
    background: Template
    judge: Template
    image: Template
    rubric: Template
    agent_draft: Template
    agent_brief: Template
    translate: Template
    messages: Mapping[str, Mapping[str, Phrase]]
    policy: Policy
    handoff: HandoffPolicy
    smalltalk: Smalltalk
    opt_out: OptOut
    keywords: Mapping[str, KeywordSpec]
    lexicons: Lexicons
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
        return self._message(key, locale).render(**variables)

    def choices(self, key: str, locale: str) -> tuple[Choice, ...]:
        """Return the answers that a fixed text offers; empty when it offers none. Otherwise as ``text``."""
        found = self._message(key, locale)
        return found.choices if isinstance(found, Text) else ()

    def _message(self, key: str, locale: str) -> Phrase:
        texts = self.messages.get(locale) or self.messages["pt-BR"]
        found = texts.get(key)
        if found is None:
            raise PromptError(f"messages/{locale}.yaml has no text {key!r}. Add it, or run the prompt check.")
        return found


def prompts_version(directory: Path) -> str:
    """Return the version of the files in ``directory``; hidden files and editors' backups do not count."""
    return read_folder(directory).version


def load_prompts(source: Path | Files) -> PromptSet:
    """Load all prompt files.

    Args:
        source: the folder, or what stood in one.

    Raises:
        PromptError: names every file that cannot be used, the line where it is known, and the mend.
    """
    prompts, problems = read_prompts(source)
    if prompts is None:
        lines = "\n  ".join(str(problem) for problem in problems)
        raise PromptError(f"These prompt files cannot be used:\n  {lines}")
    return prompts


def read_prompts(source: Path | Files) -> tuple[PromptSet | None, list[Problem]]:
    """Load all prompt files; return them, or None and everything that keeps them from use.

    Whatever stands in the files, this raises nothing.
    """
    parts = read_parts(source)
    return parts.whole(), parts.problems


@dataclass(frozen=True, slots=True)
class Parts:
    """What could be read of a set of files, each as ``PromptSet`` has it; None where it cannot be used.

    Args:
        version: of the contents.
        templates: by file.
        problems: what keeps the set from use; empty when nothing does.
    """

    version: str
    templates: Mapping[str, Template]
    messages: Mapping[str, Mapping[str, Phrase]]
    policy: Policy | None
    handoff: HandoffPolicy | None
    smalltalk: Smalltalk | None
    opt_out: OptOut | None
    keywords: Mapping[str, KeywordSpec] | None
    lexicons: Lexicons | None
    examples: tuple[Example, ...]
    knowledge: tuple[Section, ...]
    problems: list[Problem]

    def whole(self) -> PromptSet | None:
        """Return the set, where all of it can be used."""
        if (
            self.problems
            or self.policy is None
            or self.handoff is None
            or self.smalltalk is None
            or self.keywords is None
            or self.lexicons is None
            or self.opt_out is None
        ):
            return None
        return PromptSet(
            version=self.version,
            assistant=self.templates["assistant.md"],
            background=self.templates["background.md"],
            judge=self.templates["handoff/judge.md"],
            image=self.templates["image.md"],
            rubric=self.templates["evals/judge.md"],
            agent_draft=self.templates["agent_draft.md"],
            agent_brief=self.templates["agent_brief.md"],
            translate=self.templates["translate.md"],
            messages=self.messages,
            policy=self.policy,
            handoff=self.handoff,
            smalltalk=self.smalltalk,
            opt_out=self.opt_out,
            keywords=self.keywords,
            lexicons=self.lexicons,
            examples=self.examples,
            knowledge=self.knowledge,
        )


def read_parts(source: Path | Files) -> Parts:
    """Read what can be read of all prompt files. Raises nothing."""
    reader = Reader(source)
    templates = reader.attempt(reader.templates) or {}
    messages = reader.attempt(reader.messages) or {}
    parts = Parts(
        version=version_of(reader.files),
        templates={name: Template(head, body) for name, (head, body) in templates.items()},
        messages=messages,
        policy=reader.attempt(lambda: reader.yaml("policy.yaml", Policy)),
        handoff=reader.attempt(lambda: reader.yaml("handoff/policy.yaml", HandoffPolicy)),
        smalltalk=reader.attempt(reader.smalltalk),
        opt_out=reader.attempt(reader.opt_out),
        keywords=reader.attempt(reader.keywords),
        lexicons=reader.attempt(reader.lexicons),
        examples=reader.attempt(reader.examples) or (),
        knowledge=reader.attempt(reader.knowledge) or (),
        problems=reader.problems,
    )
    reader.problems += trial_problems({name: body for name, (_, body) in templates.items()}, messages)
    return parts
