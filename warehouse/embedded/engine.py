"""The engine: ClickHouse in this process (chDB), one folder of data, each query on a connection of its own.

What chDB does that a server would not, and what is done about it here (found by trying, chDB 4.4):
- A killed insert through its streaming insert API reports success; through `INFILE` it raises. So data come by file.
- It goes on with a query whose reader is gone; so an answer that nobody reads is killed.
- It gives queries its own ids; so a client's id rides along as a comment, by which `KILL QUERY` finds it.
- The function `file()` reads any file, whatever the rights; so it is replaced.
"""

import dataclasses
import fcntl
import os
import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import chdb
from chdb import _chdb

from warehouse.embedded import errors
from warehouse.embedded.access import READER_SETTINGS, write_config
from warehouse.embedded.dictionaries import Refresher
from warehouse.embedded.errors import QueryError, read
from warehouse.embedded.statement import Kind, Statement
from warehouse.statements import tokens

_SETTING = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_DEFAULTS = "implicit_select=0&storage_file_read_method=pread"
"""Settings in which chDB differs from a server, or that would count a body's file as our memory."""
_NOT_IN_ID = re.compile(r"[^A-Za-z0-9_.:-]")


class EngineBusy(Exception):  # what is so, as ConnectionRefusedError
    """Another process owns the folder."""


@dataclasses.dataclass(frozen=True)
class Query:
    """One statement and all that it is run with."""

    statement: Statement
    id: str
    database: str = ""
    default_format: str = "TabSeparated"
    parameters: Mapping[str, str] = dataclasses.field(default_factory=dict)
    settings: Mapping[str, str] = dataclasses.field(default_factory=dict)
    reader: bool = False
    """Runs with the reader's rights."""
    readonly: int = 0
    """ClickHouse's setting of this name: 1 nothing but reading, 2 settings may be changed."""

    @property
    def mark(self) -> str:
        """A comment in the query's text, by which it is found among those that run."""
        return f"/* query_id={_NOT_IN_ID.sub('_', self.id)} */"


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of a query: the answer, where it was not streamed, and what it read and wrote."""

    answer: bytes
    read_rows: int
    read_bytes: int
    written_rows: int
    written_bytes: int
    result_rows: int
    elapsed_ns: int


class Engine:
    """The one engine of this process. Every method but `open` may be called by any thread."""

    def __init__(self, path: Path, *, threads: int = 16, memory: int = 0) -> None:
        self._path = path.absolute()
        self._memory = memory
        self.queries = ThreadPoolExecutor(threads, thread_name_prefix="query")
        self.control = ThreadPoolExecutor(4, thread_name_prefix="control")
        self._running: dict[str, Query] = {}

    def open(self) -> None:
        """Start the engine. Raises `EngineBusy` where another process has the folder."""
        if set("?&#%") & set(str(self._path)):
            raise ValueError(f"The warehouse's folder can't have ?, &, # or % in its name: {self._path}")
        self._path.mkdir(parents=True, exist_ok=True)
        self._lock = (self._path / "lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise EngineBusy(f"Another process runs the warehouse in {self._path}.") from error
        self.spool = self._path / "spool"
        self.spool.mkdir(exist_ok=True)
        self.files = self._path / "files"
        """Where a query's relative paths should lead."""
        self.files.mkdir(exist_ok=True)
        config = write_config(self._path / "config", memory=self._memory)
        self._target = f"{self._path / 'data'}?config-file={config}&{_DEFAULTS}"
        self._keeper = self._connect()
        chdb.create_function("file", _no_files, ["String"], "String")
        row = self._admin("SELECT version(), timezone()").split()
        self.version, self.timezone = row
        self._refresher = Refresher(self._admin)
        self._refresher.start()

    def close(self) -> None:
        """Wait for the queries that run, then stop the engine."""
        self.queries.shutdown()
        self.control.shutdown()
        self._refresher.stop()
        self._keeper.close()
        self._lock.close()

    def select(self, query: Query, pipe: int) -> Outcome:
        """Run a SELECT that writes its answer to `pipe`, which is closed at its end. Blocks. Raises `QueryError`."""
        try:
            text = query.statement.into(pipe, query.default_format)
            return self._run(query, text, "Null")
        finally:
            os.close(pipe)

    def insert(self, query: Query, data: BinaryIO) -> Outcome:
        """Run an INSERT with its data, a file that is closed at its end. Blocks.

        Raises `QueryError`: nothing was written, or a prefix of whole blocks.
        """
        with data:
            data.seek(0)
            return self._run(query, query.statement.reading(data.fileno()), "Null")

    def run(self, query: Query) -> Outcome:
        """Run any other statement. Blocks. Raises `QueryError`."""
        if query.statement.kind is Kind.KILL:
            query = self._with_engine_ids(query)
        return self._run(query, query.statement.text, query.statement.format or query.default_format)

    def answer(self) -> None:
        """Answer the simplest query there is. Blocks. Raises `QueryError`."""
        self._admin("SELECT 1")

    def kill(self, query: Query) -> None:
        """End a query of ours that nobody waits for any more; it may not run yet, or no longer."""
        self._admin(f"KILL QUERY WHERE position(query, '{query.mark}') > 0 AND query_kind != 'KillQuery' ASYNC")

    def _run(self, query: Query, text: str, format_: str) -> Outcome:
        with self._registered(query), self._connection() as connection:
            try:
                if setup := _setup(query):
                    connection.query(setup, "Null")
                if query.reader:
                    _refuse_reader(connection, query.statement)
                sql = f"{text}\n{query.mark}" if query.statement.kind is not Kind.INSERT else f"{query.mark} {text}"
                result = connection.query(sql.encode("latin-1"), format_, params=dict(query.parameters))
            except RuntimeError as error:
                raise read(str(error)) from error
            return _outcome(result)

    def _connect(self) -> Any:  # noqa: ANN401  # chDB's connection has no type
        return _chdb.connect(self._target)  # type: ignore[attr-defined]  # its stub leaves it out

    @contextmanager
    def _connection(self) -> Iterator[Any]:
        connection = self._connect()
        try:
            yield connection
        finally:
            connection.close()

    @contextmanager
    def _registered(self, query: Query) -> Iterator[None]:
        if self._running.setdefault(query.id, query) is not query:
            raise QueryError(
                errors.QUERY_WITH_SAME_ID,
                "QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING",
                f"Query with id = {query.id} is already running.",
            )
        try:
            yield
        finally:
            del self._running[query.id]

    def _with_engine_ids(self, query: Query) -> Query:
        """A KILL that names the ids of clients, as literals or parameters → one that names the engine's own."""
        text = query.statement.text
        for token in reversed(list(tokens(text))):
            if token.kind == "string" and (running := self._running.get(token.text[1:-1])):
                text = f"{text[: token.start]}'{self._engine_id(running)}'{text[token.end :]}"
        parameters = {
            name: self._engine_id(running) if (running := self._running.get(value)) else value
            for name, value in query.parameters.items()
        }
        return dataclasses.replace(
            query, statement=dataclasses.replace(query.statement, text=text), parameters=parameters
        )

    def _engine_id(self, query: Query) -> str:
        # A mark has no quote in it, whatever id the client chose.
        sql = f"SELECT query_id FROM system.processes WHERE position(query, '{query.mark}') > 0 LIMIT 1"  # noqa: S608
        return self._admin(sql).strip()

    def _admin(self, sql: str) -> str:
        """Run a statement of our own."""
        with self._connection() as connection:
            try:
                return bytes(connection.query(sql, "TSVRaw").bytes()).decode()
            except RuntimeError as error:
                raise read(str(error)) from error


def _setup(query: Query) -> str:
    """The statements that give a fresh connection the query's rights, database and settings, in this order."""
    for name in query.settings:
        if not _SETTING.fullmatch(name):
            raise QueryError(errors.UNKNOWN_SETTING, "UNKNOWN_SETTING", f"Unknown setting '{name}'")
    free = {name: value for name, value in query.settings.items() if not query.reader or name in READER_SETTINGS}
    rest = {name: value for name, value in query.settings.items() if name not in free}
    statements = [
        "SET ROLE reader" if query.reader else "",
        f"USE {_quoted(query.database, '`')}" if query.database else "",
        _set(free),
        f"SET readonly = {query.readonly}" if query.readonly else "",
        _set(rest),  # the engine refuses them, with its own words
    ]
    return ";\n".join(statement for statement in statements if statement)


def _set(settings: Mapping[str, str]) -> str:
    pairs = ", ".join(f"{name} = {_quoted(value)}" for name, value in settings.items())
    return f"SET {pairs}" if pairs else ""


def _quoted(text: str, quote: str = "'") -> str:
    escaped = text.replace("\\", "\\\\").replace(quote, f"\\{quote}")
    return f"{quote}{escaped}{quote}"


def _refuse_reader(connection: Any, statement: Statement) -> None:  # noqa: ANN401  # chDB's connection has no type
    """The reader runs one statement that the engine itself classes as reading, and no table function of Python's."""
    found = connection.classify_query(statement.text.encode("latin-1"))
    words = {token.text.strip('`"').lower() for token in tokens(statement.text) if token.kind in ("word", "name")}
    if found["query_class"].name not in ("READ_ONLY", "UNKNOWN") or found["statement_count"] > 1 or "python" in words:
        raise QueryError(errors.READONLY, "READONLY", "Cannot execute query in readonly mode.")


def _outcome(result: Any) -> Outcome:  # noqa: ANN401  # chDB's result has no type
    return Outcome(
        answer=result.bytes(),
        read_rows=result.storage_rows_read(),
        read_bytes=result.storage_bytes_read(),
        written_rows=result.rows_written(),
        written_bytes=result.bytes_written(),
        result_rows=result.rows_read(),
        elapsed_ns=int(result.elapsed() * 1e9),
    )


def _no_files(_path: str) -> str:
    raise PermissionError("file() is switched off in the embedded warehouse")
