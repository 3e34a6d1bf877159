"""What the register and the vault share: how a database is opened, brought up to date, and how it fails.

Every write is one transaction that takes SQLite's write lock at its beginning; a transaction that reads first and
writes later would be refused whenever another process wrote in between.
"""

from __future__ import annotations

import contextlib
import sqlite3
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from kcity_flow.domain.values import canonical_instant

BUSY_MS = 10_000
"""Milliseconds a writer waits for another process's write lock before it fails."""

MIGRATIONS = Path(__file__).with_name("migrations")

# A store's migrations are serialised under this key on PostgreSQL; SQLite has its write lock.
_MIGRATION_LOCK = 5_121_202


class StoreFailed(Exception):
    """A database cannot be read or written; its text is one sentence that says which, why and what to do."""


class Store:
    """One database with its tables; the base of the register and the vault.

    Instants are kept as text in the ledger's one form (UTC, six decimals, ``Z``): it sorts by time and compares
    equal on every database.
    """

    name: ClassVar[str]
    head: ClassVar[str]
    metadata: ClassVar[sa.MetaData]

    def __init__(self, url: str) -> None:
        """Open ``url`` without connecting.

        Args:
            url: SQLAlchemy's URL of a SQLite file or a PostgreSQL database.
        """
        self.url = sa.make_url(url)
        if self.url.get_backend_name() == "sqlite":
            self.engine = sa.create_engine(self.url, pool_size=20, connect_args={"timeout": BUSY_MS / 1000})
            sa.event.listen(self.engine, "connect", _tune)
            sa.event.listen(self.engine, "begin", _begin)
        else:
            self.engine = sa.create_engine(self.url, pool_size=20, pool_pre_ping=True)
        self._writer = self.engine.execution_options(writes=True)

    @property
    def is_sqlite(self) -> bool:
        """Whether this is a file of ours, not a server."""
        return self.url.get_backend_name() == "sqlite"

    def insert(self, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
        """An INSERT that knows ``ON CONFLICT``."""
        return sqlite.insert(table) if self.is_sqlite else postgresql.insert(table)

    @contextlib.contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A transaction that only reads.

        Raises:
            StoreFailed: the database does not answer.
        """
        with self._failing("read"), self.engine.connect() as connection:
            yield connection

    @contextlib.contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A transaction that is committed at the end, or leaves nothing behind.

        Raises:
            StoreFailed: the database cannot be written: full, locked, read-only or out of reach.
        """
        with self._failing("written"), self._writer.begin() as connection:
            yield connection

    def prepare(self) -> None:
        """Make or bring up to date the tables. Safe to run from several processes at once.

        Raises:
            StoreFailed: the database cannot be written, or is of a newer version than this program.
        """
        if self.is_sqlite and self.url.database:
            path = Path(self.url.database)
            with self._failing("made"):
                path.parent.mkdir(parents=True, exist_ok=True)
                # Nobody but the owner reads names and addresses; SQLite gives its side files the same mode.
                path.touch(mode=stat.S_IRUSR | stat.S_IWUSR)
        if self._version() == self.head:
            return
        # Alembic takes a fifth of a second to import, and nearly every start finds nothing to do.
        from alembic import command
        from alembic.util import CommandError

        with self.writing() as connection:
            if not self.is_sqlite:
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
            try:
                command.upgrade(alembic_config(self, connection), "head")
            except CommandError as error:
                raise StoreFailed(
                    f"The {self.name} ({self._where}) was written by another version of this program: {error}. "
                    "Start that version, or restore the backup made before it."
                ) from error

    def close(self) -> None:
        """Give every connection back; the next use opens a new one."""
        self.engine.dispose()

    def _version(self) -> str | None:
        with self.reading() as connection:
            table = f"{self.name}_version"
            if not sa.inspect(connection).has_table(table):
                return None
            return connection.execute(sa.select(sa.column("version_num")).select_from(sa.table(table))).scalar()

    @property
    def _where(self) -> str:
        return self.url.database or "" if self.is_sqlite else self.url.render_as_string(hide_password=True)

    @contextlib.contextmanager
    def _failing(self, done: str) -> Iterator[None]:
        try:
            yield
        except (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.DatabaseError, OSError) as error:
            if isinstance(error, sa.exc.IntegrityError | sa.exc.ProgrammingError | sa.exc.DataError):
                raise
            reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
            raise StoreFailed(
                f"The {self.name} ({self._where}) cannot be {done}: {reason}. {_advice(error)}"
            ) from error


def alembic_config(store: Store, connection: sa.Connection) -> Any:
    """Alembic's configuration for one store's own migrations, on a connection that is already in a transaction."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", str(MIGRATIONS / store.name))
    config.attributes.update(connection=connection, metadata=store.metadata, version_table=f"{store.name}_version")
    return config


def now() -> str:
    """The present instant as stores keep it."""
    return canonical_instant(datetime.now(UTC))


def _tune(connection: sqlite3.Connection, record: object) -> None:
    # sqlite3 would begin transactions by itself, deferred and not around DDL; _begin does it instead.
    connection.isolation_level = None
    connection.execute("PRAGMA journal_mode=WAL")
    # In WAL mode NORMAL never corrupts; a power cut may lose the last transactions, which Temporal repeats.
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("PRAGMA foreign_keys=ON")


def _begin(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get("writes") else "BEGIN")


def _advice(error: BaseException) -> str:
    cause = str(error)
    if "full" in cause or "No space" in cause:
        return "Free space on that disk; what was being written will be written again."
    if "locked" in cause:
        return "Another program holds it; stop that program, and it goes on by itself."
    if "readonly" in cause or "unable to open" in cause or "denied" in cause or "Read-only" in cause:
        return "Give this user the right to write there, or name another place in KCITY_VAR_DIR."
    if "malformed" in cause or "not a database" in cause:
        return "Restore it from a backup; the register can also be made again with `kcity register rebuild`."
    return "See that the database answers, then start again."
