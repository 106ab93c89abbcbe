"""What is said in the seeded office, in Portuguese and in English; see ``tests.support.seeded_office``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ponte.domain.conversation import Trigger

# Who and what: c customer, v their voice note, i their picture, b bot, s system, a agent, n an agent's note.
Line = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Talk:
    """A conversation, a line a minute; the last one was said ``ago`` minutes ago."""

    number: str
    name: str
    language: str
    ago: int
    trigger: Trigger | None
    reason: str
    lines: tuple[Line, ...]
    labels: tuple[str, ...] = ()
    priority: int = 0


@dataclass(frozen=True, slots=True)
class Script:
    """An office's words.

    Args:
        locale: in which its agents read.
        waiting: who waits for an agent.
        mine: the conversation that is open in the pictures.
        asleep: one whose customer wrote the day before yesterday.
        done: of each number, name, disposition, question, reason and for how many minutes it waited.
        bot: of each number, name, question and answer; the bot holds it.
        labels: with their colours.
        canned: shortcut, title and text.
        template: name, text and samples of its variables.
        past: question and answer of the days before.
        model: what the model's stand-in answers to a message with some words.
    """

    locale: str
    waiting: tuple[Talk, ...]
    mine: Talk
    asleep: Talk
    done: tuple[tuple[str, str, str, str, str, int], ...]
    bot: tuple[tuple[str, str, str, str], ...]
    labels: tuple[tuple[str, str], ...]
    canned: tuple[tuple[str, str, str], ...]
    template: tuple[str, str, dict[str, str]]
    past: tuple[str, str]
    model: tuple[tuple[str, str], ...]


PORTUGUESE: Final = Script(
    locale="pt-BR",
    waiting=(
        Talk(
            "+5511987650001",
            "Mariana Alves",
            "pt-BR",
            3,
            Trigger.KEYWORD,
            "Pediu atendimento humano (“pessoa”).",
            (
                ("c", "Oi! A aula da Helena de sábado dá pra passar pra domingo?"),
                ("b", "Oi, Mariana! Posso ver isso com a equipe. Você prefere domingo de manhã ou à tarde?"),
                ("c", "De manhã, umas 9h. Pode me passar pra uma pessoa, por favor?"),
                ("s", "Certo, vou transferir você para um dos nossos atendentes."),
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
            "A mensagem indica que o cliente quer falar com uma pessoa.",
            (
                ("c", "Boa tarde. Vocês me cobraram duas vezes a mensalidade de setembro."),
                ("b", "Boa tarde, Rafael! Sinto muito. A segunda cobrança veio no mesmo cartão?"),
                ("c", "Veio. Quero o estorno, é a segunda vez que isso acontece"),
                ("s", "Certo, vou transferir você para um dos nossos atendentes."),
            ),
            ("Financeiro",),
            2,
        ),
        Talk(
            "+34600111222",
            "Lucía Romero",
            "es",
            2,
            Trigger.TOPIC,
            "Assunto para uma pessoa: saúde (“lesión”).",
            (
                ("c", "Hola, tuve una lesión de espalda hace dos años. ¿Puedo tomar clases?"),
                ("s", "De acuerdo, te paso con una persona del equipo."),
            ),
            ("Primeira aula",),
        ),
    ),
    mine=Talk(
        "+5521987650003",
        "Carla Menezes",
        "pt-BR",
        1,
        Trigger.KEYWORD,
        "Pediu atendimento humano (“falar com um atendente”).",
        (
            ("c", "Boa tarde! Quanto fica a mensalidade pra dois irmãos?"),
            ("b", "Boa tarde, Carla! Uma aula por semana custa R$ 420 por aluno. Quer falar com a equipe?"),
            ("c", "Quero falar com um atendente, sim, por favor"),
            ("s", "Certo, vou transferir você para um dos nossos atendentes."),
            ("a", "Oi, Carla! Aqui é a Ana. Para irmãos, a segunda mensalidade tem 15% de desconto."),
            ("n", "Combinar com a secretaria: ela pode preferir terça e quinta."),
            ("v", "Que bom! Eles têm sete e nove anos, podem ficar na mesma turma?"),
            ("a", "Podem, sim. A turma das 16h de terça tem duas vagas. Quer que eu reserve?"),
            ("i", "Quero! Segue o comprovante da matrícula"),
        ),
        ("Matrícula",),
    ),
    asleep=Talk(
        "+5521987650004",
        "Tereza Duarte",
        "pt-BR",
        60 * 40,
        Trigger.NO_ANSWER,
        "O bot não encontrou a resposta na base de conhecimento.",
        (
            ("c", "Vocês alugam o picadeiro para festa de aniversário?"),
            ("s", "Não encontrei essa informação. Vou transferir você para um dos nossos atendentes."),
            ("a", "Oi, Tereza! Alugamos, sim. Vou confirmar as datas livres e já volto."),
        ),
    ),
    done=(
        (
            "+5511987650010",
            "Beatriz Lima",
            "informed",
            "Qual o horário de vocês no feriado?",
            "O bot não encontrou a resposta na base de conhecimento.",
            2,
        ),
        (
            "+5511987650011",
            "João Pedro Sá",
            "solved",
            "Quero cancelar o passeio de domingo com um atendente",
            "Pediu atendimento humano (“atendente”).",
            3,
        ),
        (
            "+5511987650012",
            "Fernanda Rocha",
            "solved",
            "Meu filho esqueceu a mochila aí",
            "O bot não encontrou a resposta na base de conhecimento.",
            4,
        ),
        (
            "+5531987650013",
            "Otávio Prado",
            "forwarded",
            "Quem compra feno aí? Posso falar com alguém?",
            "Pediu atendimento humano (“falar com alguém”).",
            5,
        ),
        (
            "+5511987650014",
            "Marcos Vidal",
            "no_reply",
            "Tem vaga pra iniciantes?",
            "A mensagem indica que o cliente quer falar com uma pessoa.",
            6,
        ),
    ),
    bot=(
        (
            "+5511987650020",
            "Paula Reis",
            "Onde fica a hípica?",
            "Ficamos na Estrada do Campo Limpo, 1200.",
        ),
        ("+5511987650021", "Diego Fontes", "Aceitam pix?", "Sim! Aceitamos pix, cartão e boleto."),
    ),
    labels=(
        ("Matrícula", "teal"),
        ("Financeiro", "orange"),
        ("Remarcação", "blue"),
        ("Primeira aula", "green"),
        ("Reclamação", "red"),
    ),
    canned=(
        (
            "horario",
            "Horário de funcionamento",
            "Oi, {{first_name}}! Abrimos de terça a domingo, das 8h às 18h.",
        ),
        ("capacete", "O que trazer", "Traga calça comprida e calçado fechado. O capacete nós emprestamos."),
        ("pix", "Chave Pix", "Nossa chave Pix é o e-mail financeiro@hipica.example."),
    ),
    template=(
        "retomar_conversa",
        "Oi, {{1}}! Temos uma resposta sobre {{2}}. Podemos continuar por aqui?",
        {"1": "Tereza", "2": "o aluguel do picadeiro"},
    ),
    past=("Oi! Vocês abrem amanhã?", "Oi! Abrimos, sim, das 7h às 13h."),
    model=(("dois irmãos", "Boa tarde! Com uma aula por semana, são R$ 420 por aluno ao mês."),),
)

ENGLISH: Final = Script(
    locale="en",
    waiting=(
        Talk(
            "+447700900101",
            "Megan Hughes",
            "en",
            3,
            Trigger.KEYWORD,
            "Asked for a human (“a person”).",
            (
                ("c", "Hi! Can Ella's Saturday lesson move to Sunday?"),
                ("b", "Hi Megan! I can pass that on. Would Sunday morning or afternoon suit you better?"),
                ("c", "Morning, around nine. Can I talk to a person, please?"),
                ("s", "Okay, I'll transfer you to one of our agents."),
            ),
            ("Rescheduling",),
            1,
        ),
        Talk(
            "+447700900102",
            "Daniel Foster",
            "en",
            11,
            Trigger.CLASSIFIER,
            "The message suggests that the customer wants to talk to a person.",
            (
                ("c", "Good afternoon. You charged me twice for September."),
                ("b", "Good afternoon, Daniel! I'm sorry about that. Was it the same card both times?"),
                ("c", "It was. I want a refund, this is the second time it happens"),
                ("s", "Okay, I'll transfer you to one of our agents."),
            ),
            ("Billing",),
            2,
        ),
        Talk(
            "+34600111222",
            "Lucía Romero",
            "es",
            2,
            Trigger.TOPIC,
            "A matter for a person: health (“lesión”).",
            (
                ("c", "Hola, tuve una lesión de espalda hace dos años. ¿Puedo tomar clases?"),
                ("s", "De acuerdo, te paso con una persona del equipo."),
            ),
            ("First lesson",),
        ),
    ),
    mine=Talk(
        "+447700900103",
        "Grace Bennett",
        "en",
        1,
        Trigger.KEYWORD,
        "Asked for a human (“talk to an agent”).",
        (
            ("c", "Good afternoon! How much is it a month for two siblings?"),
            ("b", "Good afternoon, Grace! A lesson a week is R$ 420 for each. Shall I get the team?"),
            ("c", "Yes, I'd like to talk to an agent, please"),
            ("s", "Okay, I'll transfer you to one of our agents."),
            ("a", "Hi Grace, this is Ana. Siblings get 15% off the second monthly fee."),
            ("n", "Check with the office: she may prefer Tuesday and Thursday."),
            ("v", "Lovely! They are seven and nine, can they be in the same group?"),
            ("a", "They can. The Tuesday group at 4 pm has two places left. Shall I book them?"),
            ("i", "Yes please! Here is the receipt for the enrolment"),
        ),
        ("Enrolment",),
    ),
    asleep=Talk(
        "+447700900104",
        "Harriet Cole",
        "en",
        60 * 40,
        Trigger.NO_ANSWER,
        "The bot found no answer in the knowledge base.",
        (
            ("c", "Do you rent out the arena for birthday parties?"),
            ("s", "I could not find that. I'll transfer you to one of our agents."),
            ("a", "Hi Harriet! We do. Let me check which dates are free, and I'll be back."),
        ),
    ),
    done=(
        (
            "+447700900110",
            "Alice Morgan",
            "informed",
            "Are you open on the bank holiday?",
            "The bot found no answer in the knowledge base.",
            2,
        ),
        (
            "+447700900111",
            "Jack Turner",
            "solved",
            "I want an agent to cancel Sunday's ride",
            "Asked for a human (“agent”).",
            3,
        ),
        (
            "+447700900112",
            "Sophie Clarke",
            "solved",
            "My son left his backpack at your place",
            "The bot found no answer in the knowledge base.",
            4,
        ),
        (
            "+5531987650013",
            "Otávio Prado",
            "forwarded",
            "Quem compra feno aí? Posso falar com alguém?",
            "Asked for a human (“falar com alguém”).",
            5,
        ),
        (
            "+447700900114",
            "Ryan Walsh",
            "no_reply",
            "Any places left for beginners?",
            "The message suggests that the customer wants to talk to a person.",
            6,
        ),
    ),
    bot=(
        ("+447700900120", "Emma Price", "Where are you?", "We are at Estrada do Campo Limpo, 1200."),
        ("+447700900121", "Oliver Reed", "Do you take cards?", "We do: cards, Pix and bank slips."),
    ),
    labels=(
        ("Enrolment", "teal"),
        ("Billing", "orange"),
        ("Rescheduling", "blue"),
        ("First lesson", "green"),
        ("Complaint", "red"),
    ),
    canned=(
        ("hours", "Opening hours", "Hi {{first_name}}! We are open Tuesday to Sunday, 8 am to 6 pm."),
        ("helmet", "What to bring", "Wear long trousers and closed shoes. We lend you the helmet."),
        ("bank", "Bank details", "Please pay to financeiro@hipica.example, our Pix key."),
    ),
    template=(
        "resume_conversation",
        "Hi {{1}}! We have an answer about {{2}}. Shall we go on here?",
        {"1": "Harriet", "2": "renting the arena"},
    ),
    past=("Hi! Are you open tomorrow?", "Hi! We are, from 7 am to 1 pm."),
    model=(("two siblings", "Good afternoon! With a lesson a week it is R$ 420 a month for each."),),
)

SCRIPTS: Final = {script.locale: script for script in (PORTUGUESE, ENGLISH)}
