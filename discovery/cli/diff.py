"""`discover diff`."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import Annotated

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from discovery.cli.common import DEFAULT_RUNS, OUT, JsonOption, RuleArgument, RunsOption, print_json
from discovery.rules import resolve
from programs.canon import simplify
from programs.show import show


@dataclass(frozen=True, slots=True)
class Row:
    """One line of each rule; None where the other has no counterpart."""

    left: str | None
    right: str | None
    differs: bool


def diff(
    first: RuleArgument,
    second: RuleArgument,
    raw: Annotated[bool, typer.Option("--raw", help="Keep redundant instructions.")] = False,
    runs: RunsOption = DEFAULT_RUNS,
    json: JsonOption = False,
) -> None:
    """Print two rules side by side, without what is redundant, and mark the lines that differ.

    Example: `discover diff adamw quickstart:best`
    """
    programs = [resolve(name, runs).program for name in (first, second)]
    left, right = (show(program if raw else simplify(program)) for program in programs)
    rows = aligned(left, right)
    if json:
        print_json({"first": first, "second": second, "rows": rows, "differing": sum(row.differs for row in rows)})
        return
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column(first, overflow="fold")
    table.add_column("")
    table.add_column(second, overflow="fold")
    for row in rows:
        mark = "" if not row.differs else "<" if row.right is None else ">" if row.left is None else "|"
        styles = ("red", "green") if row.differs else ("dim", "dim")
        table.add_row(Text(row.left or "", styles[0]), Text(mark, "bold"), Text(row.right or "", styles[1]))
    OUT.print(table)
    if not any(row.differs for row in rows):
        OUT.print("The same text." if raw else "The same text, without what is redundant; --raw keeps that.")


def aligned(left: str, right: str) -> list[Row]:
    """Two texts line by line, equal lines beside each other."""
    mine, yours = left.splitlines(), right.splitlines()
    rows: list[Row] = []
    for tag, i, j, k, end in SequenceMatcher(None, mine, yours, autojunk=False).get_opcodes():
        rows += [Row(a, b, tag != "equal") for a, b in zip_longest(mine[i:j], yours[k:end])]
    return rows
