"""Every error Ponte raises on purpose, in one tree.

::

    PonteError
    ├── SettingsError            a setting is missing or malformed
    ├── InvalidInput             what came in cannot be used; nothing was stored
    ├── NotFound                 no such conversation, message, agent ...
    ├── Unauthenticated          no session, or one that ended
    ├── Throttled                too many tries; carries when to try again
    ├── Forbidden                a known agent whose role may not do this
    ├── WrongState               the conversation is not in a state that allows this
    │   ├── AlreadyClaimed       another agent holds it; carries who
    │   └── NotHolder            the agent does not hold it; carries who does
    ├── Conflict                 somebody else changed the row first; read again and decide again
    ├── LeaseLost                the lease went to another process; stop at once
    ├── StoreUnavailable         the database did not answer
    ├── PromptError              a file under prompts/ cannot be used
    ├── MediaNotReady            a customer's file cannot be fetched yet; try again in a moment
    └── MessengerError           Twilio did not take a message
        ├── SendRetryable        it will be tried again; carries a delay where Twilio gave one
        ├── SendRefused          it will never be taken; carries Twilio's error code
        └── SendUnknown          no answer came: it may have been taken; look it up before a resend
"""

from __future__ import annotations


class PonteError(Exception):
    """Base of every error that Ponte raises on purpose."""


class SettingsError(PonteError):
    """A setting is missing or malformed. The message names the variable and the mend."""


class InvalidInput(PonteError):
    """What came in cannot be used. Nothing was stored."""


class NotFound(PonteError):
    """No such conversation, message, contact or agent."""


class Unauthenticated(PonteError):
    """No session, a wrong password, or a session that ended."""


class Throttled(PonteError):
    """Too many tries.

    Args:
        message: what happened and what to do.
        retry_after_ms: when to try again, in ms from now.
    """

    def __init__(self, message: str, retry_after_ms: int) -> None:
        super().__init__(message)
        self.retry_after_ms = retry_after_ms


class Forbidden(PonteError):
    """A known agent whose role may not do this."""


class WrongState(PonteError):
    """The conversation is not in a state that allows this."""


class AlreadyClaimed(WrongState):
    """Another agent holds the conversation.

    Args:
        holder_id: the id of the agent who holds it.
    """

    def __init__(self, holder_id: str) -> None:
        super().__init__("Another agent already claimed this conversation.")
        self.holder_id = holder_id


class NotHolder(WrongState):
    """The agent does not hold the conversation.

    Args:
        holder_id: the id of the agent who holds it; None while nobody does.
    """

    def __init__(self, holder_id: str | None) -> None:
        super().__init__("Only the agent who holds this conversation can do that. Claim it first.")
        self.holder_id = holder_id


class Conflict(PonteError):
    """Somebody else changed the conversation first. Read it again and decide again."""


class LeaseLost(PonteError):
    """The lease went to another process. What was being done must stop, unsaved."""


class StoreUnavailable(PonteError):
    """The database did not answer. Nothing was stored; try again."""


class PromptError(PonteError):
    """A file under prompts/ cannot be used. The message names file, line where known, and the mend."""


class AidFailed(PonteError):
    """The language model did not help the agent to write. Nothing was sent; write by hand, or try again."""


class MediaNotReady(PonteError):
    """A customer's file cannot be fetched yet. Try again in a moment."""


class MessengerError(PonteError):
    """Twilio did not take a message.

    Args:
        message: what happened.
        code: Twilio's error code (https://www.twilio.com/docs/api/errors), where it gave one.
    """

    def __init__(self, message: str, code: int | None = None) -> None:
        super().__init__(message)
        self.code = code


class SendRetryable(MessengerError):
    """Twilio answered that it could not take the message now.

    Args:
        message: what happened.
        code: Twilio's error code, where it gave one.
        retry_after_ms: the delay that Twilio asked for, if it did.
    """

    def __init__(self, message: str, code: int | None = None, retry_after_ms: int | None = None) -> None:
        super().__init__(message, code)
        self.retry_after_ms = retry_after_ms


class SendRefused(MessengerError):
    """Twilio will never take this message."""


class SendUnknown(MessengerError):
    """No answer came. Twilio may have taken the message: look it up before sending again."""
