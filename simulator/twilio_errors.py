"""Twilio's errors, as its REST API answers them."""

from __future__ import annotations

from starlette.responses import JSONResponse

_TEXTS: dict[int, tuple[int, str]] = {
    20001: (400, "Unknown parameters"),
    20003: (401, "Authenticate"),
    20404: (404, "The requested resource was not found"),
    20429: (429, "Too Many Requests"),
    20500: (500, "Internal Server Error"),
    21211: (400, "Invalid 'To' Phone Number"),
    21602: (400, "Message body is required."),
    21603: (400, "A 'From' phone number is required."),
    21604: (400, "A 'To' phone number is required."),
    21609: (400, "The 'StatusCallback' URL is not a valid URL."),
    21610: (400, "Attempt to send to unsubscribed recipient"),
    21617: (400, "The concatenated message body exceeds the 1600 character limit"),
    21619: (400, "A text message body or media urls must be specified."),
    21620: (400, "Invalid media URL(s)"),
    21623: (400, "Number of media files exceeds allowed limit"),
    21655: (400, "The ContentSid is Invalid"),
    21656: (400, "The ContentVariables parameter is invalid."),
    21658: (400, "A ContentVariables value exceeds the 1600 character limit"),
    21910: (400, "Invalid From and To pair. From and To should be of the same channel"),
    63005: (400, "Channel did not accept given content"),
    63007: (400, "Twilio could not find a Channel with the specified From address"),
    63016: (
        400,
        "Failed to send freeform message because you are outside the allowed window: use a template.",
    ),
    63018: (429, "Rate limit exceeded for Channel"),
    63019: (400, "Media failed to download"),
}


class TwilioError(Exception):
    """An error that the REST API answers with; see https://www.twilio.com/docs/api/errors.

    Args:
        code: Twilio's error code.
        message: text in place of the code's own.
    """

    def __init__(self, code: int, message: str | None = None) -> None:
        self.code = code
        self.status, text = _TEXTS[code]
        self.message = message or text
        super().__init__(f"{code}: {self.message}")

    def response(self) -> JSONResponse:
        """Return the answer in Twilio's form."""
        headers = {"WWW-Authenticate": 'Basic realm="Twilio API"'} if self.code == 20003 else None  # noqa: PLR2004 - Twilio's code
        body = {
            "code": self.code,
            "message": self.message,
            "more_info": f"https://www.twilio.com/docs/errors/{self.code}",
            "status": self.status,
        }
        return JSONResponse(body, self.status, headers)


def error_text(code: int | None) -> str | None:
    """Return the text that belongs to a message's error code."""
    return None if code is None else _TEXTS[code][1]
