"""What long commands say when they end early."""

import os
import signal
from collections.abc import Iterator

import pytest
import typer

from archive.errors import StoreError
from discovery.cli.common import EXIT_INTERRUPTED, resumable


@pytest.fixture(autouse=True)
def _handlers() -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def test_a_polite_kill_ends_as_ctrl_c_does_and_says_how_to_go_on(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as ended, resumable("Go on with:", "discover resume small"):
        os.kill(os.getpid(), signal.SIGTERM)
    assert ended.value.exit_code == EXIT_INTERRUPTED
    assert capsys.readouterr().err == "\ninterrupted. Go on with: discover resume small\n"


def test_an_error_of_the_store_says_how_to_go_on() -> None:
    with pytest.raises(StoreError) as failed, resumable():
        raise StoreError("The disk is full.")
    assert failed.value.__notes__ == ["Nothing finished is lost. The same command goes on."]
