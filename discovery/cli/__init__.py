"""The command line `discover`, one file per verb.

- `common`: consoles, shared options, JSON, exit codes.
- `run`: `discover run` and `discover resume`; `join`: one more driver for a run; `progress`: what they show meanwhile.
- `status`, `elites`, `show`, `export`: looking into a run, and taking a rule out of it.
- `zoo`: the known rules; `zoo_check`: whether others agree; `ops`: the table of operations;
  `tasks`: what rules are measured on.
- `same`, `diff`: two rules beside each other.
- `estimate`: what a run will cost; `race`: several searches side by side.
- `insights`: what a run has learned about changes to rules; `models`: what became of calls of language models.
- `doctor`: what isolation this machine offers, and which engine trains; `bench`: measurements of the project itself,
  `bench_language`, `bench_tasks`, `bench_racing`, `bench_evaluator` and `bench_export` those of its parts.
- `promote`: what may be called a discovery; `compare`: rules tuned alike; `stages`: what both show meanwhile.
- `tables`: the tables that more than one verb prints.

Exit codes: 0 done, 1 failed, 2 wrong use, 130 interrupted and resumable.
"""

from __future__ import annotations

import io
import sys

import typer
from rich.text import Text

from archive.errors import ArchiveError, NotFoundError
from discovery.cli import (
    bench,
    compare,
    diff,
    doctor,
    elites,
    estimate,
    export,
    insights,
    join,
    ops,
    promote,
    race,
    run,
    same,
    show,
    status,
    tasks,
    zoo,
)
from discovery.cli.common import ERR, EXIT_FAILED, EXIT_INTERRUPTED, EXIT_USAGE
from discovery.config import ConfigError
from discovery.executors import ExecutorError
from discovery.llm.keys import KeyMissingError
from discovery.race.entrants import RaceError
from discovery.race.heats import HeatError
from discovery.runs import RunError
from discovery.scheduling.scheduler import SearchError
from evaluators.sandbox.levels import SandboxError
from programs.errors import RuleError

app = typer.Typer(
    name="discover",
    help="Discover optimizer update rules: search, look into the archive, export.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)
app.command("run")(run.run)
app.command("resume")(run.resume)
app.command("join")(join.join)
app.command("status")(status.status)
app.command("elites")(elites.elites)
app.command("show")(show.show)
app.command("insights")(insights.insights)
app.command("export")(export.export)
app.command("zoo")(zoo.zoo)
app.command("ops")(ops.ops)
app.command("tasks")(tasks.tasks)
app.command("same")(same.same)
app.command("diff")(diff.diff)
app.command("estimate")(estimate.estimate)
app.command("race")(race.race)
app.command("promote")(promote.promote)
app.command("compare")(compare.compare)
app.command("doctor")(doctor.doctor)
app.add_typer(bench.app, name="bench")


def main() -> None:
    """Run the command line and exit; every expected error is one clear message and an exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without a box character is no reason to fail
    try:
        app()
    except (ConfigError, KeyMissingError, RaceError, RuleError, RunError, NotFoundError) as error:
        _fail(error, str(error), EXIT_USAGE)
    except (ArchiveError, ExecutorError, HeatError, SearchError, SandboxError) as error:
        _fail(error, str(error), EXIT_FAILED)
    except OSError as error:  # a disk, a folder, a pipe: nothing that a traceback would explain
        _fail(error, ": ".join(filter(None, [error.filename, error.strerror])) or str(error), EXIT_FAILED)
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)


def _fail(error: Exception, message: str, code: int) -> None:
    notes = getattr(error, "__notes__", [])
    ERR.print(Text.assemble(("error: ", "bold red"), "\n".join([message, *notes])), soft_wrap=True)
    sys.exit(code)
