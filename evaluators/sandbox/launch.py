"""How to start a process at a level."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from evaluators.cuda import images
from evaluators.native import build
from evaluators.sandbox import namespaces, paths
from evaluators.sandbox.levels import Level, SandboxError
from evaluators.sandbox.limits import Limits

Stream = int | IO[bytes] | None

PLAIN = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": "/nonexistent", "USER": "savanna", "LOGNAME": "savanna"}
"""The user has a name because torch asks for one, and the user id that a worker gets has none."""

LOADER = ("LD_LIBRARY_PATH",)
"""Some installations of Python and CUDA cannot start without it."""

GPU_CHOICE = ("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "HIP_VISIBLE_DEVICES", "CUBLAS_WORKSPACE_CONFIG")
"""Which GPUs to use, and how reproducibly."""


@dataclass(frozen=True)
class Launch:
    """A command line with all that must go with it.

    Attributes:
        argv: The command.
        env: The whole environment.
        cwd: The working folder.
    """

    argv: tuple[str, ...]
    env: dict[str, str]
    cwd: str

    def start(
        self, *, stdin: Stream = None, stdout: Stream = None, stderr: Stream = None, pass_fds: Sequence[int] = ()
    ) -> subprocess.Popen[bytes]:
        """Start it in a session of its own.

        The child dies with the *thread* that called this (prctl(2), PR_SET_PDEATHSIG), which must therefore live as
        long as the child should.
        """
        return subprocess.Popen(
            self.argv, env=self.env, cwd=self.cwd, stdin=stdin, stdout=stdout, stderr=stderr, pass_fds=pass_fds,
            start_new_session=True, bufsize=0,
        )  # fmt: skip


def launch(
    level: Level,
    module: str,
    limits: Limits,
    *,
    arguments: Sequence[str] = (),
    gpu: bool = False,
    sources: Sequence[Path] = (),
) -> Launch:
    """How to start `python -m module` at this level.

    The child gets an environment made here, and must call `enter` with the same level, limits and `gpu` once it has
    imported what it needs and before it reads anything.

    Args:
        arguments: Follow the module.
        gpu: Let it reach the GPUs.
        sources: More folders to import from, besides `programs` and `evaluators` themselves.

    Raises:
        SandboxError: The level needs a program that is not here.
    """
    if level == Level.IN_PROCESS:
        raise SandboxError("level 0 starts no process")
    folders = paths.import_path(sources)
    # Not -I, which would also ignore PYTHONPATH: it is set here, in an environment that holds nothing else.
    argv = [sys.executable, "-s", "-P", "-m", module, *arguments]
    env = {**PLAIN, **_threads(), **_gpu_environment(gpu=gpu), "PYTHONPATH": os.pathsep.join(folders)}
    env |= {name: os.environ[name] for name in LOADER if name in os.environ}
    # The child has no compiler and no place to keep what it makes.
    env[build.LIBRARY] = str(build.library() or "")
    env[images.IMAGES] = str((gpu and images.keep()) or "")
    if level >= Level.NAMESPACES:
        argv = namespaces.command(argv, limits, folders, gpu=gpu)
        env["TMPDIR"] = str(paths.SCRATCH)
    return Launch(tuple(argv), env, "/")


def _threads() -> dict[str, str]:
    """One thread: `enter` confines no more, and a library that starts more on import could not be forked either."""
    one = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return one | {"JOBLIB_MULTIPROCESSING": "0"}  # Else scikit-learn complains that it may start no processes.


def _gpu_environment(*, gpu: bool) -> dict[str, str]:
    if not gpu:
        return {"CUDA_VISIBLE_DEVICES": ""}
    # No cache of compiled kernels: one worker could leave there what another, or the judge, would run.
    return {"CUDA_CACHE_DISABLE": "1"} | {name: os.environ[name] for name in GPU_CHOICE if name in os.environ}
