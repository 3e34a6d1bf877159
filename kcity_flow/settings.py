"""What an installation may choose, read from the environment once.

Everything has a default that works on a fresh checkout. Nothing else in the project reads the environment.
"""

import os
from difflib import get_close_matches
from email.utils import parseaddr
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

PREFIX = "KCITY_"

_CHECKOUT = Path(__file__).resolve().parents[1]
_LETTERS = Path(__file__).with_name("letters") / "en"


class CannotStart(Exception):
    """What keeps ``kcity`` from starting; its text is one sentence that says what to do."""


class BadSetting(CannotStart):
    """A variable of the environment cannot be used."""


def _absolute(path: Path) -> Path:
    return path.expanduser().absolute()


def _address(value: str) -> str:
    host, _, port = value.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise ValueError("it should be HOST:PORT, such as 127.0.0.1:7233")
    return value


def _database_url(value: str) -> str:
    if not value.startswith(("sqlite:", "postgresql:", "postgresql+psycopg:")):
        raise ValueError("it should begin with sqlite: or postgresql:, such as postgresql://kcity@db.example/kcity")
    # SQLAlchemy takes the bare name for psycopg2, which is not installed.
    return value.replace("postgresql:", "postgresql+psycopg:", 1)


def _mailbox(value: str) -> str:
    user, _, domain = parseaddr(value)[1].rpartition("@")
    if not user or not domain or not value.isprintable():
        raise ValueError("it should be a mail address, such as K-City Network <desk@kcity.example>")
    return value


def _kinds(value: Any) -> Any:
    kinds = [kind.strip() for kind in value.split(",") if kind.strip()] if isinstance(value, str) else value
    known = sorted(path.stem for path in _LETTERS.glob("[a-z]*.j2"))
    for kind in kinds:
        if kind not in known:
            likely = get_close_matches(kind, known, 1)
            hint = f"did you mean {likely[0]}?" if likely else "each is a file in letters/en/ without its ending"
            raise ValueError(f"there is no letter {kind!r}; {hint}".rstrip("?"))
    return kinds


Folder = Annotated[Path, AfterValidator(_absolute)]
Port = Annotated[int, Field(gt=0, lt=65536)]


UNREGISTERED = "ocds-000000"
"""Stands where a publisher's registered prefix belongs: assumed, and nobody's."""


class Settings(BaseSettings):
    """One installation's choices; each field is the variable ``KCITY_`` + its name in capitals."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, frozen=True, extra="forbid")

    var_dir: Folder = Field(
        default=_CHECKOUT / "var" if (_CHECKOUT / "pyproject.toml").exists() else Path("var").absolute(),
        description="Folder of everything that is kept: Temporal's database, register, mails, documents, logs",
    )
    temporal_address: Annotated[str, AfterValidator(_address)] | None = Field(
        default=None, description="HOST:PORT of a Temporal server to use instead of starting one"
    )
    temporal_port: Port | None = Field(default=None, description="Port of the Temporal server that is started")
    temporal_ui_port: Port | None = Field(default=None, description="Port of its web page")
    namespace: str = Field(default="kcity", min_length=2, description="Temporal namespace")
    task_queue: str = Field(default="kcity", min_length=1, description="Temporal task queue")
    database_url: Annotated[str, AfterValidator(_database_url)] | None = Field(
        default=None, description="SQLAlchemy URL of the register; none is a SQLite file in the var folder"
    )
    vault_database_url: Annotated[str, AfterValidator(_database_url)] | None = Field(
        default=None,
        description="SQLAlchemy URL of the vault; none is the register's if that is PostgreSQL, else a file",
    )
    documents_dir: Folder | None = Field(default=None, description="Folder of documents; none is one in the var folder")
    letters_dir: Folder | None = Field(
        default=None, description="Folder of templates that take the place of shipped ones of the same path"
    )
    mail_from: Annotated[str, AfterValidator(_mailbox)] = Field(
        default="K-City Network <desk@kcity.example>", description="Sender of every letter"
    )
    smtp_host: str | None = Field(
        default=None, description="Mail server; none catches every mail as a file in the var folder"
    )
    smtp_port: Port = Field(default=587, description="Port of the mail server")
    smtp_security: Literal["none", "starttls", "tls"] = Field(default="starttls", description="none, starttls or tls")
    smtp_username: str | None = Field(default=None, description="Account at the mail server")
    smtp_password: SecretStr | None = Field(default=None, description="Its password")
    smtp_per_minute: Annotated[int, Field(gt=0)] | None = Field(
        default=None, description="Mails a minute that the mail server is given at most, by all workers together"
    )
    hold_letters: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_kinds)] = Field(
        default=(), description="Kinds of letters that wait until the desk releases them, separated by commas"
    )
    ocid_prefix: str = Field(
        default=UNREGISTERED,
        pattern=r"^ocds-[a-z0-9]{6}$",
        description="Prefix under which procurements are published; none is registered for the programme",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="debug, info, warning or error"
    )

    @classmethod
    def read(cls, **overrides: Any) -> Self:
        """Read the environment; ``overrides`` win over it.

        Raises:
            BadSetting: a variable has a value that cannot be used, or a name that means nothing.
        """
        known = {f"{PREFIX}{name}".upper() for name in cls.model_fields}
        for variable in sorted(set(map(str.upper, os.environ)) - known):
            # A misspelt variable would otherwise be ignored in silence.
            if variable.startswith(PREFIX):
                likely = get_close_matches(variable, known, 1)
                hint = f"did you mean {likely[0]}?" if likely else "unset it."
                raise BadSetting(f"{variable} is not a setting of kcity; {hint}")
        try:
            return cls(**overrides)
        except ValidationError as error:
            # The value is not shown: it may hold a password.
            first = error.errors(include_input=False, include_url=False)[0]
            reason = first["msg"].removeprefix("Value error, ")
            variable = f"{PREFIX}{first['loc'][0]}".upper()
            raise BadSetting(
                f"{variable} cannot be used: {reason[0].lower()}{reason[1:]}; correct it or unset it."
            ) from None

    @property
    def register_url(self) -> str:
        """SQLAlchemy URL of the register."""
        return self.database_url or f"sqlite:///{self.var_dir / 'register.db'}"

    @property
    def vault_url(self) -> str:
        """SQLAlchemy URL of the vault."""
        shared = self.database_url if (self.database_url or "").startswith("postgresql") else None
        return self.vault_database_url or shared or f"sqlite:///{self.var_dir / 'vault.db'}"

    @property
    def documents(self) -> Path:
        """Folder of the documents."""
        return self.documents_dir or self.var_dir / "documents"

    @property
    def mails(self) -> Path:
        """Folder in which the embedded catcher keeps each mail as a file."""
        return self.var_dir / "mails"

    @property
    def logs(self) -> Path:
        """Folder of the logs."""
        return self.var_dir / "logs"
