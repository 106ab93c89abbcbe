"""A riding school's office with a day's conversations, for pictures and for looking at pages.

Times are relative to now, so that clocks and reports have something to show.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from graph.prompt_source import read_folder, version_of
from ponte.bootstrap import open_ponte
from ponte.domain.agent import Agent, Role
from ponte.domain.conversation import Conversation, Handoff, Status, Trigger, hand_over
from ponte.domain.decision import HandoffDecision, HandoffMark, Mark, Outcome, decision_id, mark_id
from ponte.domain.message import Author, Kind, Message, MessageStatus
from ponte.domain.office import CannedReply, Label
from ponte.eval_reports import keep_report
from ponte.ports import Commit
from ponte.testing import ManualClock
from tests.fixtures.console_office import Office

_MINUTE: Final = 60_000
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR
_VERSION: Final = "3f9a1c0b27de"

Line = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Talk:
    """A conversation: ``lines`` are pairs of who (c, b, s, a, n) and what; it ended ``ago`` minutes ago."""

    number: str
    name: str
    language: str
    ago: int
    trigger: Trigger | None
    reason: str
    summary: str
    lines: tuple[Line, ...]
    labels: tuple[str, ...] = ()
    priority: int = 0


_PT: Final = (
    Talk(
        "+5511987650001",
        "Mariana Alves",
        "pt-BR",
        3,
        Trigger.KEYWORD,
        "Pediu para falar com uma pessoa.",
        "Quer remarcar a aula de sábado da filha para domingo de manhã.",
        (
            ("c", "Oi! A aula da Helena de sábado dá pra passar pra domingo?"),
            (
                "b",
                "Oi, Mariana! Posso ver isso com a equipe. Você prefere domingo de manhã ou à tarde?",
            ),
            ("c", "De manhã, umas 9h. Pode me passar pra uma pessoa, por favor?"),
        ),
        ("Remarcação",),
        1,
    ),
    Talk(
        "+5511987650002",
        "Rafael Nogueira",
        "pt-BR",
        11,
        Trigger.CLASSIFIER,
        "Parece reclamar de uma cobrança.",
        "Foi cobrado duas vezes na mensalidade de setembro e quer o estorno.",
        (
            ("c", "Boa tarde. Vocês me cobraram duas vezes a mensalidade de setembro."),
            ("b", "Boa tarde, Rafael! Sinto muito pelo transtorno. A segunda cobrança veio no mesmo cartão?"),
            ("c", "Veio. Quero o estorno, é a segunda vez que isso acontece"),
        ),
        ("Financeiro",),
        2,
    ),
    Talk(
        "+34600111222",
        "Lucía Romero",
        "es",
        19,
        Trigger.TOPIC,
        "Pregunta por un tema que atiende una persona.",
        "Quiere montar con una lesión antigua de espalda y pregunta si es seguro.",
        (
            ("c", "Hola, tuve una lesión de espalda hace dos años. ¿Puedo tomar clases?"),
            ("b", "¡Hola, Lucía! Eso lo ve mejor una persona del equipo. Te paso ahora mismo."),
        ),
        ("Primeira aula",),
    ),
)

_MINE: Final = Talk(
    "+5521987650003",
    "Carla Menezes",
    "pt-BR",
    2,
    Trigger.KEYWORD,
    "Pediu um atendente.",
    "Quer matricular dois filhos e pergunta por desconto para irmãos.",
    (
        ("c", "Boa tarde! Quanto fica a mensalidade pra dois irmãos?"),
        (
            "b",
            "Boa tarde, Carla! O plano com uma aula por semana é R$ 420 por aluno. Quer falar com a equipe?",
        ),
        ("c", "Quero sim, por favor"),
        ("s", "Chamei a equipe. Alguém responde por aqui em alguns minutos."),
        (
            "a",
            "Oi, Carla! Aqui é a Ana, da Hípica. Para irmãos, a segunda mensalidade tem 15% de desconto.",
        ),
        ("n", "Combinar com a secretaria: ela pode preferir terça e quinta."),
        ("c", "Que bom! Eles têm 7 e 9 anos, podem ficar na mesma turma?"),
        ("a", "Podem, sim. A turma das 16h de terça tem duas vagas. Quer que eu reserve?"),
        ("c", "Quero! Precisa levar capacete?"),
    ),
    ("Matrícula",),
)

_DONE: Final = (
    ("+5511987650010", "Beatriz Lima", "informed", "Qual o horário de vocês no feriado?", 2),
    ("+5511987650011", "João Pedro Sá", "solved", "Quero cancelar o passeio de domingo", 3),
    ("+5511987650012", "Fernanda Rocha", "solved", "Meu filho esqueceu a mochila aí", 4),
    ("+5531987650013", "Otávio Prado", "forwarded", "Vocês compram feno?", 5),
    ("+5511987650014", "Marcos Vidal", "no_reply", "Tem vaga pra iniciantes?", 6),
)

_PER_DAY: Final = 9
_BRUNO_UNTIL: Final = 3

_BOT: Final = (
    ("+5511987650020", "Paula Reis", "Onde fica a hípica?", "Ficamos na Estrada do Campo Limpo, 1200."),
    ("+5511987650021", "Diego Fontes", "Aceitam pix?", "Sim! Aceitamos pix, cartão e boleto."),
)


class Seeded:
    """What was put into the store: the team by name, and the conversation that is open in the pictures."""

    def __init__(self) -> None:
        self.team: dict[str, Agent] = {}
        self.opened = ""


async def seed(office: Office) -> Seeded:
    """Fill an empty store; see ``Seeded``."""
    seeded, ponte = Seeded(), office.ponte
    for name, role in (
        ("Ana Souza", Role.AGENT),
        ("Bruno Teixeira", Role.AGENT),
        ("Sônia Prado", Role.SUPERVISOR),
        ("Rita Campos", Role.ADMIN),
        ("Paulo Dias", Role.PROMPT_ENGINEER),
    ):
        email = f"{name.split()[0].lower().replace('ô', 'o')}@hipica.example"
        seeded.team[name] = await ponte.accounts.add(email, name, role, "ferradura-azul-7")
    rita, ana, bruno = seeded.team["Rita Campos"], seeded.team["Ana Souza"], seeded.team["Bruno Teixeira"]
    await _settings(office, rita)
    await _prompts(office)
    await _past(office, (ana, bruno))
    for talk in _PT:
        await _talk(office, talk)
    mine = await _talk(office, _MINE, holder=ana)
    seeded.opened = mine.id
    for done in _DONE:
        await _done(office, done, bruno if done[-1] > _BRUNO_UNTIL else ana)
    for number, name, said, answer in _BOT:
        talk = Talk(number, name, "pt-BR", 6, None, "", "", (("c", said), ("b", answer)))
        await _talk(office, talk)
    return seeded


async def _settings(office: Office, rita: Agent) -> None:
    desk = office.ponte.office
    for name, colour in (
        ("Matrícula", "teal"),
        ("Financeiro", "orange"),
        ("Remarcação", "blue"),
        ("Primeira aula", "green"),
        ("Reclamação", "red"),
    ):
        await desk.put_label(rita, Label(name, colour))
    for shortcut, title, body in (
        (
            "horario",
            "Horário de funcionamento",
            "Oi, {{first_name}}! Abrimos de terça a domingo, das 8h às 18h.",
        ),
        ("capacete", "O que trazer", "Traga calça comprida e calçado fechado. O capacete nós emprestamos."),
        ("pix", "Chave Pix", "Nossa chave Pix é o e-mail financeiro@hipica.example."),
    ):
        await desk.put_canned(rita, CannedReply("", shortcut, title, body, "pt-BR"))


async def _prompts(office: Office) -> None:
    """Serve the repository's prompt files, after a version of them with another assistant."""
    ponte = office.ponte
    files = dict(read_folder(ponte.settings.prompts_dir).files)
    before = {
        **files,
        "assistant.md": files["assistant.md"].replace(b"Never", b"Do not", 3) + b"\nBe brief.\n",
    }
    for held in (before, files):
        await ponte.prompts.keep(version_of(held), held)
        await ponte.prompts.follow_files(version_of(held))
    keep_report(ponte.settings.data_dir, _report(version_of(files), ponte.clock.now()))


def _report(version: str, now: int) -> dict[str, object]:
    turn = {
        "customer": ["Vocês têm estacionamento?"],
        "bot": ["Temos, sim! São 40 vagas ao lado do picadeiro."],
        "handed_over": False,
        "checks": [{"kind": "never", "wanted": "40 vagas", "passed": False, "found": "São 40 vagas ao lado"}],
    }
    case = {
        "id": "estacionamento",
        "name": "Não inventa o que os arquivos não dizem",
        "file": "evals/invencao.yaml",
        "line": 12,
        "status": "failed",
        "runs": [{"passed": False, "error": None, "turns": [turn], "checks": []}],
    }
    return {
        "format": 1,
        "at": now - _HOUR,
        "model": "gpt-4.1-mini",
        "new": {"label": "files", "version": version},
        "totals": {"cases": 58, "passed": 57, "failed": 1},
        "comparison": {"worse": False},
        "cases": [case],
    }


async def _talk(office: Office, talk: Talk, holder: Agent | None = None) -> Conversation:
    """Put a conversation into the store as it stands now."""
    now = office.ponte.clock.now()
    began = now - talk.ago * _MINUTE - len(talk.lines) * _MINUTE
    inbound = await office.arrives(talk.number, talk.name, talk.lines[0][1])
    bare = talk.number.removeprefix("+")
    opened = Conversation(
        id=f"cv_{bare}",
        contact_id=f"ct_{bare}",
        thread_id=f"th_{bare}",
        opened_at=began,
        updated_at=began,
        language=talk.language,
    )
    asked = next((n for n, (who, _) in enumerate(talk.lines, 1) if who in "san"), len(talk.lines) + 1) - 1
    rows = [_row(opened, n, line, began + n * _MINUTE, holder) for n, line in enumerate(talk.lines, 1)]
    first = replace(
        opened,
        version=1,
        labels=talk.labels,
        priority=talk.priority,
        last_seq=asked,
        preview=rows[asked - 1].body[:120],
        last_customer_at=rows[asked - 1].created_at,
        prompt_version=_VERSION,
    )
    decisions: tuple[HandoffDecision, ...] = ()
    if talk.trigger is not None:
        at = rows[asked - 1].created_at
        handoff = Handoff(talk.reason, talk.trigger, 0.91, talk.summary, at)
        first = replace(hand_over(first, handoff), version=1)
        decisions = (_decision(first, talk, at, asked),)
    current = first
    store = office.ponte.store
    await store.commit(Commit(first, messages=tuple(rows[:asked]), done=(inbound.sid,), decisions=decisions))
    if holder is not None:
        await office.ponte.desk.claim(holder, current.id)
    if rest := rows[asked:]:
        current = await store.conversation(current.id)
        said = [row for row in rest if row.author is Author.CUSTOMER]
        last = replace(
            current,
            version=current.version + 1,
            last_seq=rest[-1].seq,
            preview=rest[-1].body[:120],
            last_customer_at=said[-1].created_at if said else current.last_customer_at,
            unread=1,
            updated_at=now - talk.ago * _MINUTE,
        )
        await store.commit(Commit(last, messages=tuple(rest)))
    return await store.conversation(first.id)


def _row(opened: Conversation, seq: int, line: Line, at: int, holder: Agent | None) -> Message:
    who, body = line
    author = {"c": Author.CUSTOMER, "b": Author.BOT, "s": Author.SYSTEM}.get(who, Author.AGENT)
    status = {"c": MessageStatus.RECEIVED, "n": MessageStatus.INTERNAL}.get(who, MessageStatus.READ)
    return Message(
        id=f"m-{opened.id}-{seq}",
        conversation_id=opened.id,
        contact_id=opened.contact_id,
        seq=seq,
        author=author,
        kind=Kind.NOTE if who == "n" else Kind.TEXT,
        body=body,
        status=status,
        created_at=at,
        agent_id=holder.id if holder is not None and author is Author.AGENT else None,
        prompt_version=_VERSION if author is Author.BOT else None,
    )


def _decision(current: Conversation, talk: Talk, at: int, seq: int) -> HandoffDecision:
    return HandoffDecision(
        id=decision_id(f"turn-{current.id}"),
        conversation_id=current.id,
        contact_id=current.contact_id,
        at=at,
        first_seq=seq,
        seq=seq,
        outcome=Outcome.HUMAN,
        language=talk.language,
        prompt_version=_VERSION,
        trigger=talk.trigger,
        scores=(("classifier", 0.91), ("keyword", 1.0 if talk.trigger is Trigger.KEYWORD else 0.0)),
        thresholds=(("classifier", 0.8),),
    )


async def _past(office: Office, agents: tuple[Agent, Agent]) -> None:
    """Let the week before today happen: by day some customers whom the bot served, and some for agents."""
    ponte = office.ponte
    clock = ManualClock(ponte.clock.now() - 6 * _DAY)
    async with open_ponte(ponte.settings, clock=clock) as then:
        past = Office(then, sids=1_000_000)
        for day in range(6):
            for n in range(_PER_DAY + day % 3):
                clock.advance(_HOUR + n * 7 * _MINUTE)
                number = f"+55119{day}{n:02d}00000"
                language = ("pt-BR", "pt-BR", "es", "pt-BR", "en")[(day + n) % 5]
                trigger = (Trigger.KEYWORD, Trigger.CLASSIFIER, Trigger.NO_ANSWER, Trigger.TOPIC)[n % 4]
                said = ("c", "Oi! Vocês abrem amanhã?")
                handed = n % 3 == 1
                talk = Talk(
                    number, f"Cliente {day}{n}", language, 0, trigger if handed else None, "", "", (said,)
                )
                current = await _talk(past, talk)
                if handed:
                    agent = agents[(day + n) % 2]
                    clock.advance((2 + (day * 5 + n * 3) % 7) * _MINUTE)
                    await then.desk.claim(agent, current.id)
                    clock.advance(_MINUTE)
                    await then.desk.reply(agent, current.id, "Oi! Abrimos, sim, das 7h às 13h.")
                    clock.advance((6 + n) * _MINUTE)
                    await then.desk.resolve(agent, current.id, "solved")
            clock.advance(ponte.clock.now() - (5 - day) * _DAY - clock.now())


async def _done(office: Office, done: tuple[str, str, str, str, int], agent: Agent) -> None:
    """Let a conversation be handed over, answered and resolved."""
    number, name, disposition, said, ago = done
    talk = Talk(
        number,
        name,
        "pt-BR",
        ago,
        Trigger.KEYWORD if ago % 2 else Trigger.NO_ANSWER,
        "Pediu um atendente.",
        said,
        (("c", said),),
    )
    current = await _talk(office, talk)
    await office.ponte.desk.claim(agent, current.id)
    await office.ponte.desk.reply(
        agent, current.id, f"Oi, {name.partition(' ')[0]}! Já vou ver isso para você."
    )
    if disposition == "no_reply":
        handed = await office.ponte.store.last_handoff(current.id)
        if handed is not None and handed.trigger is not None:
            fresh = await office.ponte.store.conversation(current.id)
            mark = HandoffMark(
                id=mark_id(handed.id, agent.id),
                decision_id=handed.id,
                conversation_id=current.id,
                contact_id=current.contact_id,
                agent_id=agent.id,
                mark=Mark.NOT_NEEDED,
                at=office.ponte.clock.now(),
                trigger=handed.trigger,
                prompt_version=handed.prompt_version,
            )
            await office.ponte.store.commit(Commit(replace(fresh, version=fresh.version + 1), marks=(mark,)))
    resolved = await office.ponte.desk.resolve(agent, current.id, disposition)
    if resolved.status is not Status.RESOLVED:
        raise AssertionError("It was not resolved.")
