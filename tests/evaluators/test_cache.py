from __future__ import annotations

from pathlib import Path

import pytest

from evaluators.cache import CacheError, folder


def test_the_folder_is_the_users_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert folder() == tmp_path / "savanna"
    assert folder().stat().st_mode & 0o077 == 0


def test_a_folder_that_others_can_write_to_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder().chmod(0o777)
    with pytest.raises(CacheError, match="written to by others"):
        folder()


def test_a_place_that_is_no_folder_is_refused_with_its_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "savanna").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(CacheError, match="cannot be kept"):
        folder()
