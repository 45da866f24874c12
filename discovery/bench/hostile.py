"""Whether any text breaks the parser, and how fast it refuses them."""

from __future__ import annotations

import itertools
import time
import tracemalloc
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from discovery.bench.hostile_text import stream
from programs.errors import RuleError
from programs.ir import Program
from programs.parse import parse
from programs.show import show

_LONGEST_MESSAGE = 4000
_TRACED = 1000
"""The memory of every so many-th text is traced, which takes much longer than to read it."""
_KEPT = 10


@dataclass(slots=True)
class FamilyCount:
    """What became of the texts of one family."""

    texts: int = 0
    rules: int = 0
    slowest_ms: float = 0.0


@dataclass(slots=True)
class HostileReport:
    """What was measured.

    Attributes:
        texts: Texts read.
        seconds: Processor time within the parser alone, for all of them.
        texts_per_s: Their quotient.
        rules: Texts that were legal after all.
        refused: Texts refused as they should be: with a place inside the text and a hint.
        faults: Texts that did anything else.
        median_us: Time to read a text, in microseconds.
        p99_us: The same, of the slowest hundredth.
        slowest_ms: The same, of the slowest, in milliseconds.
        slowest: That text, shortened.
        peak_kib: Most memory that reading one text took, among those traced.
        families: The same by family.
        examples: The first faults, each with its text.
    """

    texts: int
    seconds: float = 0.0
    texts_per_s: float = 0.0
    rules: int = 0
    refused: int = 0
    faults: int = 0
    median_us: float = 0.0
    p99_us: float = 0.0
    slowest_ms: float = 0.0
    slowest: str = ""
    peak_kib: float = 0.0
    families: dict[str, FamilyCount] = field(default_factory=dict)
    examples: list[str] = field(default_factory=list)


def bench(texts: int, seed: int, progress: Callable[[str], None]) -> HostileReport:
    """Read so many hostile texts."""
    report = HostileReport(texts)
    times = np.zeros(texts)
    for number, (family, text) in enumerate(itertools.islice(stream(seed), texts)):
        if number % _TRACED == 0:
            progress(f"{number:,} of {texts:,} texts, {report.faults} faults")
            report.peak_kib = max(report.peak_kib, _peak_kib(text))
        count = report.families.setdefault(family, FamilyCount())
        fault, legal, seconds = judge(text)
        times[number] = seconds
        if seconds * 1e3 > report.slowest_ms:
            report.slowest_ms, report.slowest = seconds * 1e3, _short(text)
        count.texts += 1
        count.rules += legal
        count.slowest_ms = max(count.slowest_ms, seconds * 1e3)
        report.rules += legal
        report.faults += bool(fault)
        if fault and len(report.examples) < _KEPT:
            report.examples.append(f"{fault}: {text!a}")
    report.refused = texts - report.rules - report.faults
    report.seconds = float(times.sum())
    report.texts_per_s = texts / report.seconds
    report.median_us, report.p99_us = (float(us) for us in np.quantile(times, [0.5, 0.99]) * 1e6)
    return report


def judge(text: str) -> tuple[str, bool, float]:
    """What is wrong with how a text is read, or nothing; whether it is a rule; and the processor seconds it took."""
    program, fault = None, ""
    begin = time.thread_time()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            program = parse(text)
    except RuleError as error:
        fault = fault_of(error, text)
    except Exception as error:  # noqa: BLE001 - any other is what this looks for
        fault = f"{type(error).__name__}: {error}"
    seconds = time.thread_time() - begin
    if program is not None:
        fault = _fault_of_rule(program)
    return fault, program is not None and not fault, seconds


def _fault_of_rule(program: Program) -> str:
    try:
        again = parse(show(program))
    except Exception as error:  # noqa: BLE001 - as above
        return f"shown, it does not read back: {error}"
    return "" if again == program else "shown, it reads back as another rule"


def fault_of(error: RuleError, text: str) -> str:
    """What is wrong with how an error blames a text, or nothing."""
    shown = str(error)
    if not 1 <= error.line <= text.count("\n") + text.count("\r") + 1:
        return f"line {error.line} is not in the text"
    if not 0 <= error.column <= len(error.source_line):
        return f"column {error.column} is not in its line"
    if not (error.message and error.hint):
        return "no message or no hint"
    if len(shown) > _LONGEST_MESSAGE:
        return f"a message of {len(shown)} characters"
    if not shown.replace("\n", "").replace("\t", "").isprintable():
        return "a message that a terminal could obey"
    return ""


def _peak_kib(text: str) -> float:
    tracemalloc.start()
    try:
        judge(text)
        return tracemalloc.get_traced_memory()[1] / 1024
    finally:
        tracemalloc.stop()


def _short(text: str) -> str:
    return ascii(text) if len(text) <= 200 else f"{text[:200]!a}... ({len(text)} characters)"
