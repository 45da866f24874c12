"""The picture of a race: best so far, coverage and QD score against evaluations, with intervals over seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from discovery.race.curves import Course
from discovery.race.standings import middle

_PANELS = {"best": "best score so far", "coverage": "coverage (share of cells)", "qd": "QD score"}
_MOST_POINTS = 200
_GREYS = ("0.35", "0.6")


def plot(courses: Mapping[str, Sequence[Course]], controls: Sequence[str], path: Path) -> None:
    """Draw the race into a file, whose ending says in which format.

    Args:
        courses: By entrant, one for each seed.
        controls: The entrants to draw in grey.
        path: The file.
    """
    # Matplotlib takes as long to load as all the rest of a command. Without pyplot it opens no window.
    import matplotlib as mpl
    from matplotlib.figure import Figure

    # The same race gives the same file: no date, no random ids.
    with mpl.rc_context({"svg.hashsalt": "savanna", "font.size": 9}):
        figure = Figure(figsize=(11, 4.2), layout="constrained")
        panels = figure.subplots(1, len(_PANELS))
        for panel, (key, label) in zip(panels, _PANELS.items(), strict=True):
            for name, runs in courses.items():
                xs = _sampled(min(len(getattr(run, key)) for run in runs))
                band = [middle([getattr(run, key)[x] for run in runs]) for x in xs]
                style = _style(name, list(courses), controls)
                panel.plot(xs, [at.median for at in band], label=name, drawstyle="steps-post", **style)
                low, high = [at.low for at in band], [at.high for at in band]
                panel.fill_between(xs, low, high, step="post", color=style["color"], alpha=0.12, linewidth=0)
            panel.set(xlabel="evaluations", title=label)
            panel.spines[["top", "right"]].set_visible(False)
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=5, frameon=False)
        figure.savefig(path, dpi=150, metadata={"Date": None} if path.suffix == ".svg" else None)


def _sampled(length: int) -> list[int]:
    """Every index, or about as many as can be told apart, with both ends."""
    step = max(1, length // _MOST_POINTS)
    return sorted({*range(0, length, step), length - 1})


def _style(name: str, names: Sequence[str], controls: Sequence[str]) -> dict[str, str]:
    if name in controls:
        return {"color": _GREYS[controls.index(name) % len(_GREYS)], "linestyle": "--"}
    place = [other for other in names if other not in controls].index(name)
    return {"color": f"C{place % 10}", "linestyle": ("-", ":", "-.")[place // 10 % 3]}
