"""The pictures of a certificate, as SVG, from its JSON document."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from discovery.scoring import REFERENCE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_GOOD, _BAD, _OPEN = "C2", "C3", "0.5"
_COLOURS = {"better": _GOOD, "worse": _BAD}


def draw(document: Mapping[str, Any], folder: Path) -> dict[str, Path]:
    """Draw what the document has, into a folder; the files by what they show."""
    pictures: dict[str, tuple[Callable[[Mapping[str, Any], Figure], None], tuple[float, float]]] = {}
    if document["transfer"] and document["transfer"]["curve"]["points"]:
        pictures["overfitting"] = _overfitting, (7, 3.2)
    if document["tuning"]:
        pictures["tuned"] = _tuned, (7, 0.9 + 0.32 * len(document["tuning"]["standing"]["overall"]))
    if document["test"]:
        pictures["test"] = _tested, (7, 0.9 + 0.32 * len(document["test"]["overall"]))
    if document["maps"]:
        pictures["maps"] = _maps, (9, 5.2)
    if document["speedup"]:
        pictures["speedup"] = _speedup, (7, 3.0)
    files = {}
    for name, (paint, size) in pictures.items():
        files[name] = folder / f"{name}.svg"
        picture(lambda figure, paint=paint: paint(document, figure), files[name], size)  # type: ignore[misc]
    return files


def picture(paint: Callable[[Figure], None], path: Path, size: tuple[float, float]) -> None:
    """One picture in a file; the same numbers give the same file."""
    # Matplotlib takes as long to load as all the rest of a command. Without pyplot it opens no window.
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context({"svg.hashsalt": "savanna", "font.size": 9}):
        figure = Figure(figsize=size, layout="constrained")
        paint(figure)
        figure.savefig(path, dpi=150, metadata={"Date": None} if path.suffix == ".svg" else None)


def intervals(panel: Axes, found: Mapping[str, Mapping[str, Any]]) -> None:
    """Scores against other rules with their intervals, coloured where these support a word."""
    rows = [(name, each) for name, each in found.items() if each["interval"]["score"] is not None]
    for place, (_, each) in enumerate(rows):
        at, colour = each["interval"], _COLOURS.get(each["word"], _OPEN)
        low, high = (at["low"] or at["score"], at["high"] or at["score"])
        panel.plot([low, high], [place, place], color=colour, linewidth=2)
        panel.plot(at["score"], place, "o", color=colour)
    panel.axvline(1, color="0.7", linewidth=0.8)
    panel.set_yticks(range(len(rows)), [name for name, _ in rows])
    panel.invert_yaxis()
    panel.spines[["top", "right"]].set_visible(False)
    panel.set_xlabel("loss of the other over loss of the rule (above 1: the rule is better)")


def _overfitting(document: Mapping[str, Any], figure: Figure) -> None:
    curve, panel = document["transfer"]["curve"], figure.subplots()
    points = curve["points"]
    ends = [point["leader"]["evaluations"] for point in points] + [curve["evaluations"]]
    search = [point["leader"]["score"] for point in points]
    panel.plot(ends, [*search, search[-1]], drawstyle="steps-post", label="best search score")
    known = [point for point in points if point["validation"]["interval"]["score"] is not None]
    xs = [point["leader"]["evaluations"] for point in known]
    at = [point["validation"]["interval"] for point in known]
    panel.plot(xs, [each["score"] for each in at], "o-", label="the same rule on validation tasks")
    low, high = ([each[end] or each["score"] for each in at] for end in ("low", "high"))
    panel.fill_between(xs, low, high, color="C1", alpha=0.15, linewidth=0)
    if curve["onset"] is not None:
        panel.axvline(curve["onset"], color=_BAD, linestyle="--", label="onset of meta-overfitting")
    panel.axhline(1, color="0.7", linewidth=0.8)
    panel.set(xlabel="evaluations", ylabel="score (AdamW is 1)")
    panel.spines[["top", "right"]].set_visible(False)
    panel.legend(frameon=False)


def _tuned(document: Mapping[str, Any], figure: Figure) -> None:
    intervals(figure.subplots(), document["tuning"]["standing"]["overall"])


def _tested(document: Mapping[str, Any], figure: Figure) -> None:
    intervals(figure.subplots(), document["test"]["overall"])


def _maps(document: Mapping[str, Any], figure: Figure) -> None:
    panels = figure.subplots(2, 2, squeeze=False)
    rules = {document["rule"]["name"]: document["maps"]["rule"], REFERENCE: document["maps"][REFERENCE]}
    for column, (name, maps) in enumerate(rules.items()):
        _heat(panels[0][column], maps["decay"], f"{name}: learning rate and weight decay")
        panel, variants = panels[1][column], maps["variants"]
        for label, losses in zip(variants["down"], variants["losses"], strict=True):
            panel.plot(
                variants["across"], [float("nan") if loss is None else loss for loss in losses], ".-", label=label
            )
        panel.set(xscale="log", xlabel="learning rate", ylabel="loss", title=f"{name}: variants of the task")
        panel.legend(frameon=False, fontsize=7)
        panel.spines[["top", "right"]].set_visible(False)


def _heat(panel: Axes, of: Mapping[str, Any], title: str) -> None:
    import numpy as np

    losses = np.array([[np.nan if loss is None else loss for loss in row] for row in of["losses"]], dtype=float)
    panel.imshow(np.ma.masked_invalid(losses), aspect="auto", cmap="viridis_r", origin="lower")
    middle = (np.nanmin(losses) + np.nanmax(losses)) / 2 if np.isfinite(losses).any() else 0.0
    for row, column in np.ndindex(losses.shape):
        loss = losses[row, column]
        text, colour = ("-", "0.4") if np.isnan(loss) else (f"{loss:.2f}", "white" if loss > middle else "black")
        panel.text(column, row, text, ha="center", va="center", fontsize=6, color=colour)
    panel.set_xticks(range(len(of["across"])), [f"{rate:.0e}" for rate in of["across"]], fontsize=7)
    panel.set_yticks(range(len(of["down"])), of["down"], fontsize=7)
    panel.set(title=title, xlabel="learning rate", ylabel="weight decay")


def _speedup(document: Mapping[str, Any], figure: Figure) -> None:
    panels = figure.subplots(1, len(document["speedup"]), squeeze=False)[0]
    for panel, each in zip(panels, document["speedup"], strict=True):
        panel.plot(*zip(*each["curve"], strict=True), "o-", color="C0")
        panel.axhline(each["target"], color="0.5", linestyle="--", label="tuned AdamW at 1")
        panel.set(title=each["setting"], xlabel="steps, in those of AdamW", ylabel="final loss", xscale="log")
        panel.legend(frameon=False, fontsize=7)
        panel.spines[["top", "right"]].set_visible(False)
