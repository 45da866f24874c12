from __future__ import annotations

from pathlib import Path

import pytest

from evaluators.cuda.images import IMAGES, SHAPES, KernelError, Shape, compiled, image, keep, source, unavailable

needs_nvrtc = pytest.mark.skipif(unavailable() != "", reason=unavailable())


@needs_nvrtc
def test_the_compiler_for_gpus_accepts_the_kernel() -> None:
    assert compiled(source("device.cu", Shape(32, 1)), "sm_90").startswith(b"\x7fELF")


@needs_nvrtc
def test_what_the_compiler_refuses_is_shown_with_its_reason() -> None:
    with pytest.raises(KernelError, match="expected an expression"):
        compiled("__device__ int x = ;", "sm_90")


def test_the_text_has_no_include_left_and_knows_its_shape() -> None:
    text = source("device.cu", SHAPES[0])
    assert "#include" not in text
    assert f"#define THREADS {SHAPES[0].threads}\n" in text


def test_a_process_that_may_keep_nothing_reads_what_another_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from evaluators.cuda import images

    images._kept.cache_clear()
    name = images._name(source("device.cu", SHAPES[0]), "sm_90")
    (tmp_path / name).write_bytes(b"machine code")
    monkeypatch.setenv(IMAGES, str(tmp_path))
    try:
        assert image(SHAPES[0], "sm_90") == b"machine code"
    finally:
        images._kept.cache_clear()


@pytest.mark.skipif(Path("/dev/nvidiactl").exists(), reason="there is a GPU")
def test_where_there_is_no_gpu_nothing_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert keep() is None or list(tmp_path.rglob("*.cubin")) == []
