"""`PostgresDatabase`: a throw-away database on a PostgreSQL server."""

import re
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from resnb import ResourceManager
from resnb.errors import NothingMadeError, OptionError
from resnb.ledger.recipes.kinds import Kind
from resnb.resources import arguments
from resnb.resources.common import leave_alone, needed

_SCHEMES = ("postgresql://", "postgres://")
_NO_URL = (
    "PostgresDatabase: server must be a URL such as postgresql://user@host:5432/postgres, with %40 "
    "for @ and %2F for / in a password"
)


class PostgresDatabaseManager:
    """Creates a database on a server, and gives its URL; drops it, whoever is connected.

    The ledger keeps the server's URL until the database is dropped.

    Args:
        server: the server's URL: ``postgresql://user@host:port/postgres``.
        name: the database's name; by default one of its own.
    """

    kind = "postgres"
    find_for = "1m"  # the server ends what it has begun, whoever asked for it
    env = ("PGPASSFILE", "PGSERVICEFILE", "PGSSLROOTCERT")
    lease: Any

    def __init__(self, server: str, name: str | None = None) -> None:
        owner = "PostgresDatabase"
        self.server = arguments.text(owner, "server", server)
        self.name = None if name is None else arguments.text(owner, "name", name)
        if not self.server.startswith(_SCHEMES):
            raise OptionError(_NO_URL)  # without the value, which may hold a password

    def setup(self) -> str:
        """Create it, with the lease's id as its comment."""
        lease = self.lease.id
        first = f"resnb_{lease}"  # by which it is known before it has its comment
        with self._connected() as connection:
            from psycopg import sql

            made = sql.Identifier(first)
            connection.execute(sql.SQL("create database {}").format(made))
            tagged = sql.SQL("comment on database {} is {}")
            connection.execute(tagged.format(made, sql.Literal(_tag(lease))))
            if self.name is not None:
                renamed = sql.SQL("alter database {} rename to {}")
                connection.execute(renamed.format(made, sql.Identifier(self.name)))
        name = self.name or first
        return urlunsplit(urlsplit(self.server)._replace(path=f"/{name}"))

    def handle(self, url: str) -> dict[str, str]:
        """Its name."""
        return {"name": urlsplit(url).path[1:]}

    def attach(self, handle: dict[str, str]) -> str:
        """See `handle`."""
        return urlunsplit(urlsplit(self.server)._replace(path=f"/{handle['name']}"))

    def find(self, lease_id: str) -> str | None:
        """The database of a set-up that did not return."""
        with self._connected() as connection:
            found = connection.execute(
                "select datname from pg_database"
                " where shobj_description(oid, 'pg_database') = %s or datname = %s",
                [_tag(lease_id), f"resnb_{lease_id}"],
            ).fetchone()
        return None if found is None else self.attach({"name": found[0]})

    def cleanup(self, url: str) -> None:
        """Drop it.

        Raises:
            CleanupError: it is not of this lease.
        """
        name, lease = urlsplit(url).path[1:], self.lease.id
        with self._connected() as connection:
            from psycopg import sql

            found = connection.execute(
                "select shobj_description(oid, 'pg_database') from pg_database where datname = %s",
                [name],
            ).fetchone()
            if found is None:
                return
            if found[0] != _tag(lease) and name != f"resnb_{lease}":
                leave_alone(f"database {name!r}")
            drop = sql.SQL("drop database if exists {} with (force)")
            connection.execute(drop.format(sql.Identifier(name)))

    def _connected(self) -> Any:
        with needed("PostgresDatabase needs psycopg", "fleet"):
            import psycopg
        try:
            options = psycopg.conninfo.conninfo_to_dict(self.server)
        except psycopg.ProgrammingError:
            raise NothingMadeError(_NO_URL) from None
        if not re.fullmatch(r"[\d,]*", str(options.get("port") or "")):
            raise NothingMadeError(_NO_URL)
        try:
            return psycopg.connect(self.server, autocommit=True)
        except psycopg.OperationalError as error:
            reason = " ".join(str(error).split())  # in several lines
            message = f"PostgresDatabase: the server cannot be reached: {reason}"
            raise NothingMadeError(message) from None


def _tag(lease_id: str) -> str:
    return f"resnb {lease_id}"


PostgresDatabase = ResourceManager(PostgresDatabaseManager, name="PostgresDatabase")

KIND = Kind(
    "postgres",
    PostgresDatabaseManager,
    {"server": str, "name": (str, None)},
    {"name": str},
    manager=PostgresDatabase,
    module="psycopg",
    install="resnb[fleet]",
)
