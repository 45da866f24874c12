"""No text breaks the parser. Each attack is a short run of what `discover bench hostile` and `fuzz_parse.py` do."""

import ast
import importlib.util
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import programs
from discovery.bench.hostile import bench, judge
from discovery.bench.hostile_text import WORDS
from programs import zoo
from programs.errors import RuleError
from programs.generate import random_program
from programs.parse import parse
from programs.scan import MAX_BYTES
from programs.show import show
from python_reading import read

FORBIDDEN_NAMES = {"eval", "exec", "compile", "globals", "__import__", "__builtins__", "__globals__"}
FORBIDDEN_MODULES = {"pickle", "marshal", "builtins", "import_module", "runpy", "code", "ctypes"}


def attack(text: str) -> None:
    fault, legal, _ = judge(text)
    assert fault == ""
    if legal:
        assert read(text) == parse(text)


@given(st.one_of(st.text(max_size=300), st.lists(st.sampled_from(WORDS), max_size=60).map(" ".join)))
@example("def f(g):\n    return g")
@example("def f(g): n g")
@settings(max_examples=500)
def test_any_text_is_refused_with_its_place_or_means_what_python_reads(text: str) -> None:
    attack(text)


@st.composite
def damaged_rules(draw: st.DrawFn) -> str:
    text = zoo.entry(draw(st.sampled_from(zoo.names()))).text
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, min(len(text), start + 10)))
        text = text[:start] + draw(st.one_of(st.sampled_from(WORDS), st.text(max_size=3))) + text[end:]
    return text


@given(damaged_rules())
@settings(max_examples=500)
def test_a_damaged_rule_is_refused_with_its_place_or_means_what_python_reads(text: str) -> None:
    attack(text)


def test_texts_made_to_break_the_parser_do_not() -> None:
    report = bench(8000, 0, lambda _: None)
    assert report.examples == []
    assert report.refused + report.rules == report.texts
    assert min(report.rules, report.refused) > report.texts / 50
    assert report.peak_kib < 8192


@pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="there is no atheris for this system")
def test_a_search_for_new_paths_through_the_parser_finds_no_fault(tmp_path: Path) -> None:
    script = Path(__file__).with_name("fuzz_parse.py")
    # The most memory that it has seen is, for the fuzzer, that of the process which started it, and no fault.
    command = [sys.executable, str(script), "-runs=20000", "-seed=1", "-rss_limit_mb=0"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr[-2000:]
    assert "Done 20000 runs" in result.stderr


NESTED = {
    "brackets": ("(", ")"),
    "calls": ("neg(", ")"),
    "signs": ("-", ""),
    "powers": ("g**", ""),
    "words": ("not ", ""),
    "functions": ("lambda:", ""),
    "attributes": ("", ".a"),
    "calls of calls": ("", "()"),
}


@pytest.mark.parametrize(("opening", "closing"), NESTED.values(), ids=NESTED)
def test_nesting_needs_so_little_stack_that_no_thread_dies_of_it(opening: str, closing: str) -> None:
    count = 8000 // len(opening + closing)
    text = f"def f(g):\n    return {opening * count}g{closing * count}"
    faults = []
    before = threading.stack_size(256 * 1024)
    try:
        thread = threading.Thread(target=lambda: faults.append(judge(text)[:2]))
        thread.start()
        thread.join()
    finally:
        threading.stack_size(before)
    assert faults == [("", False)]


def test_a_text_of_any_size_is_refused_after_as_little_work_as_a_long_one() -> None:
    with pytest.raises(RuleError, match=f"{MAX_BYTES} bytes") as caught:
        parse("#" * 50_000_000)
    assert len(caught.value.source_line) == MAX_BYTES


@pytest.mark.parametrize("seed", range(10))
def test_a_thousand_random_programs_read_back_as_themselves_and_as_python_reads_them(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for size in rng.integers(1, 40, 1000):
        program = random_program(rng, int(size))
        text = show(program)
        assert parse(text) == program
        assert read(text) == program


@pytest.mark.parametrize("name", zoo.names())
def test_the_rules_of_the_zoo_read_back_as_themselves_and_as_python_reads_them(name: str) -> None:
    program = zoo.load(name)
    assert parse(show(program)) == program
    assert read(zoo.entry(name).text) == program


@pytest.mark.parametrize("path", sorted(Path(programs.__path__[0]).rglob("*.py")), ids=lambda path: path.stem)
def test_no_source_of_the_language_can_run_a_text(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Import(names=names):
                assert not {part for alias in names for part in alias.name.split(".")} & FORBIDDEN_MODULES
            case ast.ImportFrom(module=module, names=names):
                assert not {*(module or "").split("."), *(alias.name for alias in names)} & FORBIDDEN_MODULES
            case ast.Name(id=name):
                assert name not in FORBIDDEN_NAMES
            case ast.Attribute(attr=name):
                assert name == "compile" or name not in FORBIDDEN_NAMES  # as in re.compile, which runs nothing
            case ast.Call(func=ast.Name(id="getattr"), args=[_, name, *_]):
                assert isinstance(name, ast.Constant)
