"""The settings. This is the only reader of the environment (and of ``.env``)."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from ponte.errors import SettingsError
from ponte.locales import Locale


class Settings(BaseSettings):
    """All settings, each named as its environment variable in lower case.

    Durations are in ms where the name ends in ``_ms``.
    """

    model_config = SettingsConfigDict(
        env_file=".env", env_file_encoding="utf-8", env_ignore_empty=True, extra="ignore", frozen=True
    )

    twilio_account_sid: str = Field("", description="Twilio account, AC...; needed by api and worker.")
    twilio_auth_token: SecretStr = Field(
        SecretStr(""), description="Twilio's secret; also checks signatures."
    )
    twilio_whatsapp_number: str = Field(
        "whatsapp:+14155238886", description="The sender customers write to; the default is Twilio's sandbox."
    )
    twilio_messages_per_second: float = Field(
        80, gt=0, le=1000, description="The most messages a second that one worker sends; WhatsApp's is 80."
    )
    twilio_api_base_url: str = Field("", description="Another server in Twilio's place, for tests and demos.")

    openai_api_key: SecretStr = Field(
        SecretStr(""), description="Empty: answers come from prompts/knowledge alone, without a model."
    )
    openai_base_url: str = Field("", description="Any OpenAI-compatible server: Ollama, vLLM, a proxy.")
    openai_chat_model: str = Field("gpt-6-luna", description="Writes the answers.")
    openai_classifier_model: str = Field(
        "", description="Judges unclear handoff wishes; empty: the chat model."
    )
    openai_transcribe_model: str = Field("gpt-transcribe", description="Writes down voice notes.")
    openai_transcribe_base_url: str = Field(
        "", description="An OpenAI-compatible transcription server; empty: OPENAI_BASE_URL's, or OpenAI."
    )
    openai_transcribe_api_key: SecretStr = Field(
        SecretStr(""),
        description="The key of OPENAI_TRANSCRIBE_BASE_URL's server, which is never sent OPENAI_API_KEY.",
    )
    openai_embedding_model: str = Field(
        "", description="Finds knowledge by meaning, too, not by words alone; empty: by words."
    )
    openai_vision_model: str = Field(
        "", description="Describes pictures; empty: an agent looks at them. The chat model may be named."
    )
    transcribe_local_model: str = Field(
        "", description="Folder of a faster-whisper model that hears voice notes on this machine."
    )
    openai_speech_model: str = Field("", description="Speaks answers; empty: all answers are written.")
    openai_speech_base_url: str = Field(
        "", description="An OpenAI-compatible speech server; empty: OPENAI_BASE_URL's, or OpenAI."
    )
    openai_speech_api_key: SecretStr = Field(
        SecretStr(""),
        description="The key of OPENAI_SPEECH_BASE_URL's server, which is never sent OPENAI_API_KEY.",
    )

    mongo_uri: SecretStr = Field(SecretStr(""), description="MongoDB; empty: SQLite under DATA_DIR.")
    db_name: str = Field("ponte", description="The database's name in MongoDB.")
    data_dir: Path = Field(Path("var"), description="Where SQLite and local files live.")

    base_url: str = Field(
        "http://localhost:5000", description="The public address of the API, as Twilio calls and signs it."
    )
    host: str = Field("127.0.0.1", description="The address that api and console listen on.")
    port: int = Field(5000, ge=0, le=65535, description="The API's port.")
    console_port: int = Field(8501, ge=0, le=65535, description="The agent console's port.")
    simulator_port: int = Field(8600, ge=0, le=65535, description="The simulator's port.")
    secret_key: SecretStr = Field(
        SecretStr(""),
        description="Signs links to files, in every process; empty: a key made from TWILIO_AUTH_TOKEN does.",
    )

    default_locale: Locale = Field("pt-BR", description="Spoken until the customer's is known.")
    prompts_dir: Path = Field(Path("prompts"), description="What prompt engineers edit.")
    debounce_ms: int = Field(
        800,
        ge=0,
        le=30_000,
        description="Wait for more of a burst before answering; at most five times this.",
    )
    idle_hours: int = Field(24, ge=1, description="A conversation idle with the bot this long is closed.")
    retention_days: int = Field(
        30, ge=1, description="Closed threads, done inbox rows and files are kept this long."
    )
    run_worker: bool = Field(default=True, description="Whether `ponte api` also runs a worker.")
    worker_concurrency: int = Field(200, ge=1, description="Conversations a worker advances at once.")
    catch_up_minutes: int = Field(5, ge=1, description="How often Twilio's message list is read for gaps.")

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="The least to log.")
    log_format: Literal["console", "json"] = Field("console", description="json in production.")

    @field_validator(
        "base_url",
        "twilio_api_base_url",
        "openai_base_url",
        "openai_speech_base_url",
        "openai_transcribe_base_url",
    )
    @classmethod
    def _address(cls, value: str) -> str:
        if value and not value.startswith(("http://", "https://")):
            raise ValueError("must begin with http:// or https://")
        return value.rstrip("/")

    @field_validator("twilio_whatsapp_number")
    @classmethod
    def _sender(cls, value: str) -> str:
        return value if value.startswith("whatsapp:") else f"whatsapp:{value}"

    @field_validator("secret_key")
    @classmethod
    def _strong(cls, value: SecretStr) -> SecretStr:
        if value.get_secret_value() and len(value.get_secret_value()) < 32:  # noqa: PLR2004 - said in the message
            raise ValueError("must have at least 32 characters")
        return value

    @property
    def model_configured(self) -> bool:
        """True when a language model answers; else answers come from the knowledge files."""
        return bool(self.openai_api_key.get_secret_value() or self.openai_base_url)


def load_settings(**overrides: object) -> Settings:
    """Read the environment and ``.env``; ``overrides`` win.

    Raises:
        SettingsError: names each variable that is wrong, and why.
    """
    try:
        return Settings(**overrides)  # type: ignore[arg-type]  # overrides are checked by pydantic
    except ValidationError as error:
        lines = [f"{'.'.join(str(p) for p in e['loc']).upper()}: {e['msg']}" for e in error.errors()]
        raise SettingsError("These settings cannot be used:\n  " + "\n  ".join(lines)) from None
