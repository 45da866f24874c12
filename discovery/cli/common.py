"""What all commands share: the console, common options, JSON, and exit codes that scripts can use."""

from __future__ import annotations

import json
import shlex
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from archive.errors import StoreError
from discovery.executors import ExecutorError
from discovery.json_values import plain
from evaluators.sandbox.levels import SandboxError

OUT = Console(markup=False, emoji=False)
"""Results: tables for people, or one JSON document for scripts. Brackets in a name or a note stay what they are."""
ERR = Console(stderr=True, markup=False, emoji=False)
"""Everything else: progress, warnings, errors."""

_UNLIMITED = 10_000
"""Columns of a terminal on which everything fits."""

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130

DEFAULT_RUNS = Path("runs")

RunsOption = Annotated[
    Path, typer.Option("--runs", envvar="SAVANNA_RUNS", help="Folder that holds the runs.", show_default=True)
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of tables.")]
RunArgument = Annotated[str, typer.Argument(help="Name of a run, as in runs/<name>.", metavar="RUN")]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", help="Override one key: --set evaluation.seeds=3. Repeatable.")
]
RuleArgument = Annotated[
    str, typer.Argument(help="A zoo name, a file in the language, or RUN:ID (quickstart:best).", metavar="RULE")
]


def runs_option(runs: Path) -> str:
    """What a suggested command needs to find runs in this folder; nothing if it is the default one."""
    return "" if runs == DEFAULT_RUNS else f" --runs {shlex.quote(str(runs))}"


@contextmanager
def resumable(then: str = "Nothing finished is lost. The same command goes on.", command: str = "") -> Iterator[None]:
    """Long work that says how to go on, however it ends early: Ctrl-C and a polite kill leave with exit code 130.

    Args:
        then: What to say.
        command: What to say last, in bold.
    """
    then += " " if command else ""
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    except KeyboardInterrupt:
        ERR.print(Text.assemble("\ninterrupted. ", then, (command, "bold")), soft_wrap=True)
        raise typer.Exit(EXIT_INTERRUPTED) from None
    except (StoreError, ExecutorError, SandboxError) as error:
        error.add_note(then + command)
        raise


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def print_table(table: Table) -> None:
    """A table that keeps its columns on a narrow terminal, where its lines run over."""
    unlimited = OUT.options.update(width=_UNLIMITED)
    for column in table.columns:
        if column.no_wrap:
            cells = [column.header, *column.cells]
            column.min_width = max(Measurement.get(OUT, unlimited, cell).maximum for cell in cells)
    needed = Measurement.get(OUT, unlimited, table).minimum
    if needed > OUT.width:
        table.width = needed  # a width given to `print` is cut to that of the terminal
    OUT.print(table, crop=False)


def print_json(data: object) -> None:
    """One JSON document on standard output."""
    OUT.print_json(json.dumps(plain(data), allow_nan=False), indent=2)
