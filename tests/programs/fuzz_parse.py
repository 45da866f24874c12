"""A coverage-guided attack on the parser; needs `atheris`, which the development tools bring on Linux.

    python tests/programs/fuzz_parse.py [-runs=1000000] [-max_total_time=600] [other options of libFuzzer]

Ends with an error, and leaves the text in a file `crash-...`, where a text is not refused as it should be, where a rule
does not read back, or where Python would read it as another rule. `discover bench hostile` does the same with texts of
our own making.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["programs.parse", "programs.scan", "programs.errors", "programs.check"]):
    from discovery.bench.hostile import judge
    from discovery.bench.hostile_text import WORDS, legal
    from programs.parse import parse

sys.path.append(str(Path(__file__).parents[1] / "support"))
from python_reading import read


def attack(data: bytes) -> None:
    text = data.decode("utf-8", "surrogateescape")
    fault, is_rule, _ = judge(text)
    if not fault and is_rule and read(text) != parse(text):
        fault = "Python reads another rule"
    if fault:
        raise AssertionError(f"{fault}: {text!a}")


def _escaped(word: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        corpus, words = Path(folder) / "corpus", Path(folder) / "words"
        corpus.mkdir()
        for number, text in enumerate(legal()):
            (corpus / str(number)).write_text(text, encoding="utf-8")
        encoded = (word.encode("utf-8", "surrogatepass") for word in WORDS if len(word) < 20)
        words.write_text("".join(f'"{_escaped(word)}"\n' for word in encoded), encoding="ascii")
        atheris.Setup([*sys.argv, "-max_len=9000", f"-dict={words}", str(corpus)], attack)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
