"""Twilio's errors that a WhatsApp sender meets: what becomes of the message, and what an agent reads.

Codes: https://www.twilio.com/docs/api/errors, and how WhatsApp's own map to them:
https://www.twilio.com/docs/whatsapp/api/error-code-mapping. A code that is not here fails the message.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Fate(StrEnum):
    """What becomes of a message that met an error.

    ``RETRY``: tried again with growing pauses, for hours. ``SLOW``: so too, and nothing is sent from our
    number meanwhile. ``PARK``: an agent's message waits until the customer writes; another one fails.
    ``OPT_OUT``: it fails, and the customer gets no more. ``FAIL``: it fails.
    """

    RETRY = "retry"
    SLOW = "slow"
    PARK = "park"
    OPT_OUT = "opt_out"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class ErrorRule:
    """One code: its fate, and the agent's words in each of Ponte's languages by BCP 47 tag."""

    code: int
    fate: Fate
    words: Mapping[str, str]


OUTSIDE_WINDOW: Final = 63016
OPTED_OUT: Final = 21610
TOO_MANY_REQUESTS: Final = 20429
GAVE_UP: Final = 30008
FILE_NOT_FETCHED: Final = 63019

TRIED_FOR_MS: Final = 4 * 60 * 60 * 1000
"""So long after it was written a message is tried again; nor does Twilio keep one longer."""

FILE_CODES: Final = frozenset({12300, 21620, 63005, FILE_NOT_FETCHED, 63021, 63025})
"""What may be wrong with a file, while a text would arrive."""

CONTENT_CODES: Final = frozenset({63005, 63013, 63021, 63030})
"""What may be wrong with buttons or a list, while a text would arrive."""

UNREACHABLE: Final = frozenset({21211, OPTED_OUT, 21614, 63003, 63014, 63015, 63024, 63033})
"""Nobody's message arrives at this customer, an agent's neither."""


def _rule(code: int, fate: Fate, pt: str, es: str, en: str) -> ErrorRule:
    return ErrorRule(code, fate, {"pt-BR": pt, "es": es, "en": en})


_PARTS: Final = (
    # The account and the request.
    _rule(
        20003,
        Fate.RETRY,
        "O Twilio recusou nossas credenciais. Avise a administração; o envio continua sendo tentado.",
        "Twilio rechazó nuestras credenciales. Avise a la administración; se sigue intentando.",
        "Twilio refused our credentials. Tell the administrator; sending goes on being tried.",
    ),
    _rule(
        20404,
        Fate.FAIL,
        "O Twilio não encontrou o que foi pedido, talvez um modelo que foi apagado.",
        "Twilio no encontró lo pedido, quizá una plantilla que fue borrada.",
        "Twilio did not find what was asked for, perhaps a template that was deleted.",
    ),
    _rule(
        20429,
        Fate.SLOW,
        "O Twilio pediu para enviar mais devagar. A mensagem sai assim que possível.",
        "Twilio pidió enviar más despacio. El mensaje sale en cuanto sea posible.",
        "Twilio asks to send more slowly. The message goes out as soon as possible.",
    ),
    _rule(
        21211,
        Fate.FAIL,
        "O endereço do cliente não é válido.",
        "La dirección del cliente no es válida.",
        "The customer's address is not valid.",
    ),
    _rule(
        21408,
        Fate.FAIL,
        "A conta do Twilio não pode enviar para o país do cliente. Avise a administração.",
        "La cuenta de Twilio no puede enviar al país del cliente. Avise a la administración.",
        "The Twilio account may not send to the customer's country. Tell the administrator.",
    ),
    _rule(
        21602,
        Fate.FAIL,
        "A mensagem estava vazia.",
        "El mensaje estaba vacío.",
        "The message was empty.",
    ),
    _rule(
        21606,
        Fate.FAIL,
        "Nosso número não pode enviar mensagens. Avise a administração.",
        "Nuestro número no puede enviar mensajes. Avise a la administración.",
        "Our number cannot send messages. Tell the administrator.",
    ),
    _rule(
        21609,
        Fate.FAIL,
        "O endereço para os status está errado (BASE_URL). Avise a administração.",
        "La dirección para los estados es incorrecta (BASE_URL). Avise a la administración.",
        "The address for statuses is wrong (BASE_URL). Tell the administrator.",
    ),
    _rule(
        21610,
        Fate.OPT_OUT,
        "O cliente pediu para não receber mensagens.",
        "El cliente pidió no recibir mensajes.",
        "The customer asked to get no messages.",
    ),
    _rule(
        21611,
        Fate.SLOW,
        "A fila de envio do nosso número está cheia. A mensagem sai assim que possível.",
        "La cola de envío de nuestro número está llena. El mensaje sale en cuanto sea posible.",
        "Our number's sending queue is full. The message goes out as soon as possible.",
    ),
    _rule(
        21612,
        Fate.FAIL,
        "Não dá para enviar do nosso número para o deste cliente.",
        "No se puede enviar de nuestro número al de este cliente.",
        "Our number cannot send to this customer's.",
    ),
    _rule(
        21614,
        Fate.FAIL,
        "O número do cliente não recebe mensagens.",
        "El número del cliente no recibe mensajes.",
        "The customer's number cannot get messages.",
    ),
    _rule(
        21617,
        Fate.FAIL,
        "A mensagem é longa demais para o WhatsApp.",
        "El mensaje es demasiado largo para WhatsApp.",
        "The message is too long for WhatsApp.",
    ),
    _rule(
        21619,
        Fate.FAIL,
        "A mensagem não tinha texto nem arquivo.",
        "El mensaje no tenía texto ni archivo.",
        "The message had neither a text nor a file.",
    ),
    _rule(
        21620,
        Fate.FAIL,
        "O endereço do arquivo não é válido (BASE_URL). Avise a administração.",
        "La dirección del archivo no es válida (BASE_URL). Avise a la administración.",
        "The file's address is not valid (BASE_URL). Tell the administrator.",
    ),
    _rule(
        21623,
        Fate.FAIL,
        "A mensagem tinha arquivos demais.",
        "El mensaje tenía demasiados archivos.",
        "The message had too many files.",
    ),
    _rule(
        21655,
        Fate.FAIL,
        "O modelo não existe mais. Escolha outro.",
        "La plantilla ya no existe. Elija otra.",
        "The template does not exist any more. Choose another one.",
    ),
    _rule(
        21656,
        Fate.FAIL,
        "As variáveis do modelo estão erradas. Confira e envie de novo.",
        "Las variables de la plantilla son incorrectas. Revíselas y envíe de nuevo.",
        "The template's variables are wrong. Check them and send it again.",
    ),
    _rule(
        21658,
        Fate.FAIL,
        "Uma variável do modelo passa de 1600 caracteres. Encurte o texto.",
        "Una variable de la plantilla supera los 1600 caracteres. Acorte el texto.",
        "A variable of the template has over 1600 characters. Shorten it.",
    ),
    _rule(
        21910,
        Fate.FAIL,
        "Nosso número e o do cliente não são do mesmo canal. Avise a administração.",
        "Nuestro número y el del cliente no son del mismo canal. Avise a la administración.",
        "Our number and the customer's are not of the same channel. Tell the administrator.",
    ),
    # Files.
    _rule(
        12300,
        Fate.FAIL,
        "O tipo do arquivo não é aceito.",
        "El tipo del archivo no se acepta.",
        "The file's type is not accepted.",
    ),
    _rule(
        63019,
        Fate.FAIL,
        "O arquivo não pôde ser baixado. Anexe-o e envie de novo.",
        "El archivo no se pudo descargar. Adjúntelo y envíelo de nuevo.",
        "The file could not be fetched. Attach it and send it again.",
    ),
    _rule(
        63021,
        Fate.FAIL,
        "O WhatsApp não aceita este conteúdo ou este arquivo.",
        "WhatsApp no acepta este contenido o este archivo.",
        "WhatsApp does not accept this content or this file.",
    ),
    _rule(
        63025,
        Fate.FAIL,
        "O WhatsApp já tinha este arquivo e recusou a cópia. Tente de novo.",
        "WhatsApp ya tenía este archivo y rechazó la copia. Inténtelo de nuevo.",
        "WhatsApp had this file already and refused the copy. Try again.",
    ),
    # On the way.
    _rule(
        30007,
        Fate.FAIL,
        "A mensagem foi filtrada como indesejada. Mude o texto antes de tentar de novo.",
        "El mensaje fue filtrado como no deseado. Cambie el texto antes de intentarlo de nuevo.",
        "The message was filtered as unwanted. Change the text before you try again.",
    ),
    _rule(
        30008,
        Fate.FAIL,
        "A mensagem não foi entregue, por um motivo que o Twilio não conhece. Tente de novo.",
        "El mensaje no se entregó, por un motivo que Twilio no conoce. Inténtelo de nuevo.",
        "The message was not delivered, for a reason that Twilio does not know. Try again.",
    ),
    # WhatsApp.
    _rule(
        63001,
        Fate.FAIL,
        "O WhatsApp não reconheceu nossa conta. Avise a administração.",
        "WhatsApp no reconoció nuestra cuenta. Avise a la administración.",
        "WhatsApp did not recognise our account. Tell the administrator.",
    ),
    _rule(
        63003,
        Fate.FAIL,
        "Não há WhatsApp neste número.",
        "No hay WhatsApp en este número.",
        "There is no WhatsApp at this number.",
    ),
    _rule(
        63005,
        Fate.FAIL,
        "O WhatsApp não aceitou o conteúdo da mensagem.",
        "WhatsApp no aceptó el contenido del mensaje.",
        "WhatsApp did not accept the message's content.",
    ),
    _rule(
        63007,
        Fate.FAIL,
        "Nosso número não está ligado ao WhatsApp nesta conta. Avise a administração.",
        "Nuestro número no está conectado a WhatsApp en esta cuenta. Avise a la administración.",
        "Our number is not set up for WhatsApp in this account. Tell the administrator.",
    ),
    _rule(
        63010,
        Fate.RETRY,
        "O Twilio teve um erro interno. A mensagem é tentada de novo.",
        "Twilio tuvo un error interno. El mensaje se intenta de nuevo.",
        "Twilio had an error of its own. The message is tried again.",
    ),
    _rule(
        63012,
        Fate.RETRY,
        "O WhatsApp teve um erro interno. A mensagem é tentada de novo.",
        "WhatsApp tuvo un error interno. El mensaje se intenta de nuevo.",
        "WhatsApp had an error of its own. The message is tried again.",
    ),
    _rule(
        63013,
        Fate.FAIL,
        "A mensagem vai contra as regras do WhatsApp. Mude o texto.",
        "El mensaje va contra las reglas de WhatsApp. Cambie el texto.",
        "The message is against WhatsApp's rules. Change the text.",
    ),
    _rule(
        63014,
        Fate.FAIL,
        "O cliente bloqueou este número.",
        "El cliente bloqueó este número.",
        "The customer blocked this number.",
    ),
    _rule(
        63015,
        Fate.FAIL,
        "O cliente não entrou no sandbox do Twilio. Ele precisa enviar o código de entrada.",
        "El cliente no entró en el sandbox de Twilio. Debe enviar el código de entrada.",
        "The customer did not join Twilio's sandbox. They must send the join code.",
    ),
    _rule(
        63016,
        Fate.PARK,
        "A janela de 24 horas do WhatsApp fechou.",
        "La ventana de 24 horas de WhatsApp se cerró.",
        "WhatsApp's 24-hour window has closed.",
    ),
    _rule(
        63018,
        Fate.SLOW,
        "O WhatsApp limitou o ritmo de envio do nosso número. A mensagem sai assim que possível.",
        "WhatsApp limitó el ritmo de envío de nuestro número. El mensaje sale en cuanto sea posible.",
        "WhatsApp limits how fast our number sends. The message goes out as soon as possible.",
    ),
    _rule(
        63020,
        Fate.FAIL,
        "Há um problema na conta do WhatsApp Business, como o pagamento. Avise a administração.",
        "Hay un problema en la cuenta de WhatsApp Business, como el pago. Avise a la administración.",
        "There is a problem with the WhatsApp Business account, such as payment. Tell the administrator.",
    ),
    _rule(
        63022,
        Fate.FAIL,
        "O certificado do nosso número no WhatsApp não é válido. Avise a administração.",
        "El certificado de nuestro número en WhatsApp no es válido. Avise a la administración.",
        "Our number's WhatsApp certificate is not valid. Tell the administrator.",
    ),
    _rule(
        63023,
        Fate.FAIL,
        "O WhatsApp não entregou a mensagem. Tente de novo.",
        "WhatsApp no entregó el mensaje. Inténtelo de nuevo.",
        "WhatsApp did not deliver the message. Try again.",
    ),
    _rule(
        63024,
        Fate.FAIL,
        "Este número não tem WhatsApp, não é válido ou usa uma versão antiga.",
        "Este número no tiene WhatsApp, no es válido o usa una versión antigua.",
        "This number has no WhatsApp, is not valid, or uses an old version.",
    ),
    _rule(
        63027,
        Fate.FAIL,
        "O modelo não existe neste idioma. Escolha outro.",
        "La plantilla no existe en este idioma. Elija otra.",
        "The template does not exist in this language. Choose another one.",
    ),
    _rule(
        63028,
        Fate.FAIL,
        "O número de variáveis não é o que o modelo espera.",
        "El número de variables no es el que espera la plantilla.",
        "The number of variables is not what the template expects.",
    ),
    _rule(
        63029,
        Fate.FAIL,
        "O celular do cliente não conseguiu carregar o modelo.",
        "El teléfono del cliente no pudo cargar la plantilla.",
        "The customer's phone could not load the template.",
    ),
    _rule(
        63030,
        Fate.FAIL,
        "A mensagem tem um recurso que o WhatsApp não aceita.",
        "El mensaje tiene una función que WhatsApp no acepta.",
        "The message uses something that WhatsApp does not accept.",
    ),
    _rule(
        63032,
        Fate.FAIL,
        "A Meta recusou esta mensagem para este cliente, que está num teste dela.",
        "Meta rechazó este mensaje para este cliente, que está en una prueba suya.",
        "Meta refused this message for this customer, who is in a test of theirs.",
    ),
    _rule(
        63033,
        Fate.FAIL,
        "O cliente não pode receber nossas mensagens: há um bloqueio.",
        "El cliente no puede recibir nuestros mensajes: hay un bloqueo.",
        "The customer cannot get our messages: there is a block.",
    ),
    _rule(
        63038,
        Fate.FAIL,
        "A conta do Twilio chegou ao limite de mensagens do dia. Tente amanhã.",
        "La cuenta de Twilio llegó al límite de mensajes del día. Inténtelo mañana.",
        "The Twilio account reached its messages of the day. Try tomorrow.",
    ),
    _rule(
        63049,
        Fate.FAIL,
        "A Meta não entrega mais mensagens de marketing a este cliente por agora. Não repita; use um modelo"
        " de utilidade ou espere o cliente escrever.",
        "Meta no entrega más mensajes de marketing a este cliente por ahora. No repita; use una plantilla de"
        " utilidad o espere a que escriba.",
        "Meta delivers no more marketing messages to this customer for now. Do not repeat it; use a utility"
        " template, or wait until the customer writes.",
    ),
)

RULES: Final[Mapping[int, ErrorRule]] = {rule.code: rule for rule in _PARTS}


def fate_of(code: int | None) -> Fate:
    """Return what becomes of a message that met ``code``; one that is not known fails it."""
    found = RULES.get(code) if code is not None else None
    return Fate.FAIL if found is None else found.fate


def words_for(code: int | None, locale: str) -> str | None:
    """Return what an agent reads of ``code`` in a locale of Ponte; None for one that is not known."""
    found = RULES.get(code) if code is not None else None
    return None if found is None else found.words.get(locale, found.words["en"])
