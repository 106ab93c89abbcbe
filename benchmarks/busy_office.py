"""A company in full swing: agents, weeks of conversations, and a queue, put into a store through its ports.

Every conversation is committed as the product commits one, so that indexes, facts for reports and the search
are what they would be. Seeded: the same seed gives the same office.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from ponte.accounts import Accounts
from ponte.bootstrap import Ponte
from ponte.domain import conversation as machine
from ponte.domain.agent import Agent, Role
from ponte.domain.conversation import Conversation, Handoff, Trigger
from ponte.domain.message import Author, Inbound, Kind, Message, MessageStatus
from ponte.ports import Commit

PASSWORD: Final = "ferradura-azul-7"  # noqa: S105 - of an office that is not there
_MINUTE: Final = 60_000
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR
_AT_ONCE: Final = 50
_PREVIEW: Final = 120

_NAMES: Final = (
    "Ana", "Bruno", "Carla", "Davi", "Elisa", "Fábio", "Gabi", "Hugo", "Íris", "João", "Kátia", "Léo",
    "Marta", "Nina", "Otávio", "Paula", "Rui", "Sara",
)  # fmt: skip
_CUSTOMERS: Final = (
    "Maria Helena", "José Carlos", "Antônia", "Francisco", "Luiza", "Paulo", "Márcia", "Pedro", "Camila",
    "Rafael", "Beatriz", "Gustavo", "Sofía", "Mateo", "Emily", "Larissa", "Thiago", "Cecília", "Diego",
)  # fmt: skip
_ASKS: Final = (
    "Bom dia! Qual o horário de funcionamento no sábado?",
    "Quanto custa a aula avulsa para iniciantes?",
    "Preciso remarcar a aula de sexta, o joelho do meu filho ainda dói.",
    "Vocês têm baia disponível para hospedagem em dezembro?",
    "O boleto deste mês veio com o valor errado, podem ver?",
    "Tem aula quando chove forte?",
)
_ANSWERS: Final = (
    "Aos sábados abrimos das 8h às 18h. Posso ajudar com mais alguma coisa?",
    "A aula avulsa custa R$ 120 e inclui o capacete.",
    "Claro, já vejo a agenda e confirmo por aqui.",
    "Temos sim. A diária inclui feno e cama limpa.",
)
_REASONS: Final = (
    (Trigger.KEYWORD, "Pediu um atendente."),
    (Trigger.CLASSIFIER, "Parece querer falar com uma pessoa."),
    (Trigger.MODEL, "Quer resolver uma cobrança."),
    (Trigger.NO_ANSWER, "O bot não achou a resposta."),
    (Trigger.MEDIA, "Mandou um arquivo que o bot não abre."),
)
_REASON_WEIGHTS: Final = (40, 25, 18, 12, 5)
# By hour of the day in UTC, for a company three hours behind it.
_BUSY: Final = (2, 1, 1, 1, 1, 1, 1, 1, 1, 2, 4, 8, 12, 14, 13, 10, 9, 11, 13, 12, 10, 8, 6, 4)


@dataclass(frozen=True, slots=True)
class Size:
    """How big the office is.

    Args:
        agents: who work there.
        conversations: in all.
        messages: in all; spread evenly.
        waiting: of the conversations, those that wait for an agent.
        held: of them, those that agents hold.
        days: over how many days they lie.
    """

    agents: int = 20
    conversations: int = 5_000
    messages: int = 200_000
    waiting: int = 120
    held: int = 100
    days: int = 28


async def open_office(ponte: Ponte, size: Size, *, seed: int = 1) -> list[Agent]:
    """Fill an empty store; returns the agents, a supervisor first. Their password is ``PASSWORD``."""
    staff = await _staff(ponte.accounts, size.agents)
    chance = random.Random(seed)
    now = ponte.clock.now()
    kinds = ["waiting"] * size.waiting + ["held"] * size.held
    kinds += ["over"] * (size.conversations - len(kinds))
    each = size.messages // size.conversations
    limit = asyncio.Semaphore(_AT_ONCE)

    async def one(n: int, kind: str) -> None:
        async with limit:
            await _converse(ponte, _Plan(n, kind, each, random.Random(f"{seed}.{n}"), now, size.days, staff))

    chance.shuffle(kinds)
    await asyncio.gather(*(one(n, kind) for n, kind in enumerate(kinds)))
    return staff


async def _staff(accounts: Accounts, count: int) -> list[Agent]:
    staff = []
    for n in range(count):
        name = _NAMES[n % len(_NAMES)] + ("" if n < len(_NAMES) else f" {n // len(_NAMES) + 1}")
        role = Role.SUPERVISOR if n == 0 else Role.AGENT
        staff.append(await accounts.add(f"agent{n}@ponte.example", name, role, PASSWORD))
    return staff


@dataclass(frozen=True, slots=True)
class _Plan:
    """One conversation to come."""

    n: int
    kind: str
    messages: int
    chance: random.Random
    now: int
    days: int
    staff: Sequence[Agent]


async def _converse(ponte: Ponte, plan: _Plan) -> None:
    chance, store = plan.chance, ponte.store
    opened_at = _begins(plan)
    address = f"whatsapp:+55119{plan.n:08d}"
    contact_id = f"ct_{plan.n}"
    sid = f"SM{plan.n:032x}"
    name = f"{_CUSTOMERS[plan.n % len(_CUSTOMERS)]} {plan.n}"
    body = chance.choice(_ASKS)
    await store.accept(
        Inbound(
            sid=sid,
            address=address,
            to="whatsapp:+14155238886",
            body=body,
            kind=Kind.TEXT,
            received_at=opened_at,
            profile_name=name,
        ),
        contact_id,
    )
    current = Conversation(
        id=f"cv_{plan.n}",
        contact_id=contact_id,
        thread_id=f"th_{plan.n}",
        opened_at=opened_at,
        updated_at=opened_at,
        language=chance.choices(("pt-BR", "es", "en"), (80, 14, 6))[0],
        prompt_version=chance.choices(("3f9a0c1b2d4e", "8c21d70f5a93"), (60, 40))[0],
    )
    rows = _transcript(plan, current, sid, body)
    last = rows[-1]
    current = replace(
        current,
        last_seq=last.seq,
        preview=last.body[:_PREVIEW],
        last_customer_at=max(row.created_at for row in rows if row.author is Author.CUSTOMER),
        updated_at=last.created_at,
    )
    current = replace(_lived(plan, current), version=1)
    await store.commit(Commit(current, messages=rows, done=(sid,)))


def _begins(plan: _Plan) -> int:
    """When the conversation was opened: what is still going on, lately; the rest, at busy hours."""
    if plan.kind != "over":
        return plan.now - plan.chance.randrange(20 * _MINUTE, 90 * _MINUTE)
    day = plan.now - plan.now % _DAY - plan.chance.randrange(1, plan.days) * _DAY
    hour = plan.chance.choices(range(24), _BUSY)[0]
    return day + hour * _HOUR + plan.chance.randrange(_HOUR)


def _transcript(plan: _Plan, current: Conversation, sid: str, body: str) -> tuple[Message, ...]:
    """The conversation's messages, ended a while after its beginning and never in the future."""
    step = min(40_000, (plan.now - current.opened_at) // (2 * plan.messages))
    rows = []
    for seq in range(1, plan.messages + 1):
        customer = seq % 2 == 1
        text = body if seq == 1 else plan.chance.choice(_ASKS if customer else _ANSWERS)
        rows.append(
            Message(
                id=sid if seq == 1 else f"{current.id}:{seq}",
                conversation_id=current.id,
                contact_id=current.contact_id,
                seq=seq,
                author=Author.CUSTOMER if customer else Author.BOT,
                kind=Kind.TEXT,
                body=text,
                status=MessageStatus.RECEIVED if customer else MessageStatus.READ,
                created_at=current.opened_at + (seq - 1) * step,
                prompt_version=None if customer else current.prompt_version,
            )
        )
    return tuple(rows)


def _lived(plan: _Plan, current: Conversation) -> Conversation:
    """Take the conversation through the state machine, as far as its kind goes."""
    chance, agent = plan.chance, plan.chance.choice(plan.staff[1:] or plan.staff)
    trigger, reason = chance.choices(_REASONS, _REASON_WEIGHTS)[0]
    asked = min(plan.now, current.updated_at + 5_000)
    if plan.kind == "over" and chance.random() < 0.62:
        return machine.expire(current, asked)
    handoff = Handoff(reason, trigger, 0.9, "Quer remarcar a aula e saber o valor.", asked)
    current = machine.hand_over(current, handoff)
    if plan.kind == "waiting":
        return replace(current, unread=1)
    wait = round(chance.lognormvariate(11.6, 0.9))
    taken = min(plan.now, asked + wait)
    current = machine.claim(current, agent.id, taken)
    if plan.kind == "held":
        return current if chance.random() < 0.3 else machine.replied(current, min(plan.now, taken + 40_000))
    replied = taken + round(chance.lognormvariate(10.6, 0.7))
    ended = replied + round(chance.lognormvariate(13.2, 0.8))
    current = machine.replied(current, replied)
    if chance.random() < 0.18:
        return replace(machine.return_to_bot(current, "", ended), resume=None)
    current = replace(machine.resolve(current, chance.choice(("solved", "informed")), ended), resume=None)
    if chance.random() < 0.5:
        score = chance.choices((1, 2, 3, 4, 5), (4, 5, 10, 31, 50))[0] if chance.random() < 0.6 else None
        current = replace(current, csat_asked_at=ended, csat=score, csat_at=None if score is None else ended)
    return replace(current, reopened=int(chance.random() < 0.04))
