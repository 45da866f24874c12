"""`discover doctor`."""

from __future__ import annotations

from rich import box
from rich.table import Table
from rich.text import Text

from discovery.cli.common import OUT, JsonOption, print_json
from evaluators.native import build
from evaluators.sandbox.levels import Level
from evaluators.sandbox.probes import ProbeResult, probe
from evaluators.sandbox.survey import Survey, survey

_COMPILER = "install a C++ compiler (g++ or clang++), or name one in SAVANNA_CXX"


def doctor(json: JsonOption = False) -> None:
    """Say what isolation this machine offers, by trying it: every layer, and every known way out; and what trains here.

    Example: `discover doctor --json`
    """
    found = survey()
    probes = probe(found.level)
    obstacle = build.unavailable()
    if json:
        print_json(
            {
                "level": int(found.level),
                "advice": found.advice,
                "layers": found.layers,
                "probes": probes,
                "engine": "torch" if obstacle else "native",
                "engine_obstacle": obstacle or None,
                "engine_advice": _COMPILER if obstacle else None,
            }
        )
        return
    OUT.print(_layers(found))
    OUT.print(_probes(probes, found.level))
    OUT.print(Text.assemble("Searches run at level ", (f"{found.level:d}", "bold"), f" of {max(Level):d} here."))
    if found.advice is not None:
        OUT.print(Text.assemble("To raise it: ", (found.advice, "bold")))
    if obstacle:
        OUT.print(Text.assemble("On the CPU ", ("torch", "bold"), f" trains, many times slower: {obstacle}."))
        OUT.print(Text.assemble("To speed it up: ", (_COMPILER, "bold")))
    else:
        OUT.print(Text.assemble("On the CPU the ", ("native", "bold"), f" engine trains, in {build.library()}."))


def _layers(found: Survey) -> Table:
    table = Table(title="Layers of isolation", title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for column in ("layer", "for level", "available", "works"):
        table.add_column(column, no_wrap=True)
    table.add_column("detail")
    for layer in found.layers:
        table.add_row(layer.name, f"{layer.level:d}", _yes(layer.available), _yes(layer.works), _one_line(layer.detail))
    return table


def _probes(probes: tuple[ProbeResult, ...], level: Level) -> Table:
    title = f"Attempts to escape from level {level:d}"
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for column in ("attempt", "blocked", "promised"):
        table.add_column(column, no_wrap=True)
    table.add_column("by")
    for result in probes:
        blocked = _yes(result.blocked) if result.expected else ("yes" if result.blocked else "no")
        table.add_row(
            result.name.replace("_", " "), blocked, "yes" if result.expected else "no", _one_line(result.detail)
        )
    return table


def _one_line(text: str) -> Text:
    """Text that is cut where the terminal ends."""
    return Text(text, no_wrap=True, overflow="ellipsis")


def _yes(good: bool) -> Text:
    return Text("yes", style="green") if good else Text("no", style="red")
