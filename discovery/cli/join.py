"""`discover join`."""

from __future__ import annotations

import re
import socket
from contextlib import suppress
from typing import Annotated

import typer
from rich.text import Text

from archive.errors import StoreError
from archive.records import MAIN_DRIVER
from discovery.cli.common import (
    DEFAULT_RUNS,
    ERR,
    RunArgument,
    RunsOption,
    SetOption,
    resumable,
    runs_option,
)
from discovery.cli.run import work
from discovery.loop import prepare
from discovery.runs import RunError, copy_from, exclusive, open_run


def join(
    run: RunArgument,
    url: Annotated[str | None, typer.Option(help="The run's database, the first time on a machine.")] = None,
    driver: Annotated[
        str | None, typer.Option(help="Name of this driver, unique in the run; the machine's name by default.")
    ] = None,
    set_: SetOption = None,
    runs: RunsOption = DEFAULT_RUNS,
) -> None:
    """Work on a run that another process drives, until its search is done; its archive must be in PostgreSQL.

    Example: `discover join big --url postgresql://me@db.example.org/savanna --set executor.workers=8`
    """
    name = driver or socket.gethostname()
    if name == MAIN_DRIVER or re.fullmatch(r"[\w.-]{1,64}", name) is None:
        raise RunError(
            f"{name!r} cannot name a driver that joins: choose another --driver of letters, digits, '.', '_' and '-'. "
            f"{MAIN_DRIVER!r} is who started the run: discover resume."
        )
    if url:
        copy_from(url, run, runs)
    opened = open_run(run, runs, set_ or [])
    if not opened.store.database.shared:
        raise RunError(
            f"The archive of {run!r} is a file, which one driver works on at a time. To share a run between drivers, "
            "start it with archive.url: postgresql://..."
        )
    again = f"discover join {run} --driver {name}{runs_option(runs)}"
    with resumable("Others take over what it was working on. Join again:", again), exclusive(opened, name):
        search = prepare(opened, name)
        ERR.print(Text.assemble("joining run ", (run, "bold"), f" as {name}"), soft_wrap=True)
        try:
            work(search)
        except KeyboardInterrupt:
            with suppress(StoreError):
                search.driver.leave()
            raise
        search.driver.leave()
    ERR.print(
        "nothing is left to do here: the driver that started the run measures the best and ends it", soft_wrap=True
    )
