"""What mining asks of a SQL engine, and DuckDB's answer to it.

The engine takes named inputs and named SELECTs and gives Arrow tables back. It knows nothing of labels.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import duckdb
import pyarrow as pa

from shelfsense.errors import InputRefused
from shelfsense_training.mining.sql_steps import SqlStep


class SqlEngine(Protocol):
    """Runs the steps of a SQL text; DuckDB here, Spark SQL past one machine."""

    def read(self, name: str, files: Sequence[Path]) -> None:
        """Make Parquet files readable under a name."""

    def put(self, name: str, table: pa.Table) -> None:
        """Make an Arrow table readable under a name."""

    def run(self, step: SqlStep) -> None:
        """Make the result of a step readable under the step's name."""

    def fetch(self, select: str) -> pa.Table:
        """Return the result of a SELECT."""


class DuckDbEngine:
    """DuckDB in this process; what does not fit the memory limit goes to a temporary folder.

    Args:
        connection: an open in-memory database; `duckdb_engine` makes one.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def read(self, name: str, files: Sequence[Path]) -> None:
        """Make Parquet files readable under a name; their columns are matched by name."""
        with _refusing(name):
            self._connection.read_parquet([str(file) for file in files], union_by_name=True).create_view(name)

    def put(self, name: str, table: pa.Table) -> None:
        """Copy an Arrow table into the database."""
        self._connection.register("given", table)
        self._connection.execute(f'CREATE TEMPORARY TABLE "{name}" AS SELECT * FROM given')  # noqa: S608  names are ours
        self._connection.unregister("given")

    def run(self, step: SqlStep) -> None:
        """Create the step's temporary table or view."""
        kind = "TABLE" if step.kept else "VIEW"
        with _refusing(step.name):
            self._connection.execute(f'CREATE TEMPORARY {kind} "{step.name}" AS {step.select}')

    def fetch(self, select: str) -> pa.Table:
        """Return the result of a SELECT."""
        with _refusing("the result"):
            return self._connection.sql(select).to_arrow_table()


@contextmanager
def duckdb_engine(*, memory_limit: str = "4GB", threads: int = 2) -> Iterator[DuckDbEngine]:
    """Open DuckDB for one run; its spill folder goes when the run ends.

    Args:
        memory_limit: as DuckDB writes it, for example ``4GB``.
        threads: of DuckDB.
    """
    with tempfile.TemporaryDirectory(prefix="mining-") as spill:
        settings = {"memory_limit": memory_limit, "threads": threads, "temp_directory": spill}
        try:
            connection = duckdb.connect(config={**settings, "preserve_insertion_order": False})
        except duckdb.Error as error:
            raise InputRefused(f"DuckDB refuses its settings ({error}); write the memory limit like 4GB") from error
        try:
            connection.execute("SET enable_progress_bar = false")  # our own bar counts the steps
            yield DuckDbEngine(connection)
        finally:
            connection.close()


@contextmanager
def _refusing(name: str) -> Iterator[None]:
    """Turn what the data or the memory limit caused into a refusal; a fault of the SQL keeps its trace."""
    try:
        yield
    except (duckdb.OutOfMemoryException, duckdb.IOException) as error:
        raise InputRefused(f"mining stopped at '{name}' ({error}); raise --memory-limit or free disk space") from error
    except (duckdb.ConversionException, duckdb.InvalidInputException) as error:
        raise InputRefused(f"mining stopped at '{name}': the data do not read ({error})") from error
