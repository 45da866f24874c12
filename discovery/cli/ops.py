"""`discover ops`."""

from __future__ import annotations

from typing import Annotated

import typer
from rich import box
from rich.table import Table

from discovery.cli.common import OUT, JsonOption, print_json, print_table
from programs.table import Row, markdown, rows


def ops(
    as_markdown: Annotated[
        bool, typer.Option("--markdown", help="Print the tables of docs/language.md instead.", show_default=False)
    ] = False,
    json: JsonOption = False,
) -> None:
    """Print the table of operations that rules are made of.

    Cost is floating-point operations, and numbers read and written, per number of the largest argument; n is the
    shorter side of the matrix. Where it says "any", arguments broadcast to one kind; "as broadcast" is that kind.

    Example: `discover ops`
    """
    table = rows()
    if json:
        print_json({"operations": table})
    elif as_markdown:
        OUT.print(markdown(), highlight=False, soft_wrap=True, end="")
    else:
        for group in dict.fromkeys(row.group for row in table):
            print_table(_table(group, [row for row in table if row.group == group]))


def _table(group: str, members: list[Row]) -> Table:
    table = Table(title=group, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for column in ("operation", "args", "takes", "gives", "cost"):
        table.add_column(column, no_wrap=True)
    table.add_column("does", min_width=20)
    for row in members:
        does = "; ".join(filter(None, [row.doc, row.algebra, row.edge]))
        table.add_row(row.called, str(row.arity), row.takes.replace(", ", ",\n"), row.gives, row.cost, does)
    return table
