"""What the attempts to escape aim at: a file, sockets and a process of ours, all gone afterwards."""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

KEY_NAME = "SAVANNA_PROBE_KEY"
"""The environment variable of the launcher that stands for an API key."""

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Targets:
    """Where they are, for a child that is told so.

    Attributes:
        folder: A folder that every user may write to.
        secret: A file in it that every user may read and that we own.
        library: A file of the installed project.
        tcp_port: We listen there.
        udp_port: We listen there.
        abstract_socket: Its name, without the leading zero byte.
        socket_path: Unix socket in the folder.
        shared_memory: A file in /dev/shm.
        process: The id of a process of the launcher's user, which has the key in its environment.
    """

    folder: str
    secret: str
    library: str
    tcp_port: int
    udp_port: int
    abstract_socket: str
    socket_path: str
    shared_memory: str
    process: int

    def encode(self) -> str:
        """As one command-line argument."""
        return json.dumps(asdict(self))

    @staticmethod
    def decode(text: str) -> Targets:
        """The inverse of `encode`."""
        return Targets(**json.loads(text))


@contextmanager
def targets() -> Iterator[Targets]:
    """Set them up, and take them down afterwards."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="savanna-probe-")))
        folder.chmod(0o777)
        secret = folder / "secret"
        secret.write_text("secret", encoding="ascii")
        secret.chmod(0o644)
        shared = Path("/dev/shm", f"savanna-probe-{secrets.token_hex(8)}")
        shared.write_text("secret", encoding="ascii")
        stack.callback(shared.unlink)
        shared.chmod(0o644)
        tcp, udp, abstract, path = (
            stack.enter_context(socket.socket(family, kind))
            for family, kind in [
                (socket.AF_INET, socket.SOCK_STREAM),
                (socket.AF_INET, socket.SOCK_DGRAM),
                (socket.AF_UNIX, socket.SOCK_STREAM),
                (socket.AF_UNIX, socket.SOCK_STREAM),
            ]
        )
        abstract_name = f"savanna-probe-{secrets.token_hex(8)}"
        tcp.bind((LOOPBACK, 0))
        udp.bind((LOOPBACK, 0))
        abstract.bind(f"\0{abstract_name}")
        path.bind(str(folder / "socket"))
        (folder / "socket").chmod(0o666)
        for listener in (tcp, abstract, path):
            listener.listen()
        yield Targets(
            folder=str(folder),
            secret=str(secret),
            library=__file__,
            tcp_port=tcp.getsockname()[1],
            udp_port=udp.getsockname()[1],
            abstract_socket=abstract_name,
            socket_path=str(folder / "socket"),
            shared_memory=str(shared),
            process=stack.enter_context(_bystander()),
        )


@contextmanager
def _bystander() -> Iterator[int]:
    """A process that does nothing until its standard input ends."""
    waiting = "import sys; print(flush=True); sys.stdin.read()"
    environment = {**os.environ, KEY_NAME: "key"}
    argv = [sys.executable, "-I", "-S", "-c", waiting]
    with subprocess.Popen(argv, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield process.pid
        finally:
            process.stdin.close()
