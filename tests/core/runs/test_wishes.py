"""Asking a training to leave, from whatever thread or process."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from core.runs import wishes
from core.runs.folder import RunFolder
from core.runs.wishes import Leaving, Wish, ask, asked, forget, heard
from core.training.plan import Plan
from core.workspace import Workspace
from tests.waiting import until

ROOT = Path(__file__).resolve().parents[3]
PATIENCE_S = 60


@pytest.fixture
def folder(workspace: Workspace) -> RunFolder:
    return RunFolder.create(workspace, Plan("photos", "Photos", "efficientnet-lite0"))


def test_at_first_nothing_is_asked(folder: RunFolder) -> None:
    assert asked(folder) is None
    leaving = Leaving()
    assert leaving.wish is None
    assert not leaving.event.is_set()


@pytest.mark.parametrize("wish", [Wish.PAUSE, Wish.STOP])
def test_what_is_asked_is_read_by_others_until_it_is_forgotten(folder: RunFolder, wish: Wish) -> None:
    ask(folder, wish)
    assert asked(folder) is wish
    forget(folder)
    assert asked(folder) is None
    forget(folder)


@pytest.mark.parametrize("later", list(Wish))
def test_a_stop_is_not_taken_back(later: Wish) -> None:
    leaving = Leaving()
    leaving.ask(Wish.STOP)
    leaving.ask(later)
    assert leaving.wish is Wish.STOP
    assert leaving.event.is_set()


@pytest.mark.parametrize("before", [Wish.PAUSE, Wish.CLOSE])
def test_a_stop_comes_before_what_was_asked_earlier(before: Wish) -> None:
    leaving = Leaving()
    leaving.ask(before)
    leaving.ask(Wish.STOP)
    assert leaving.wish is Wish.STOP


def test_what_a_person_asked_comes_before_the_close_of_a_server() -> None:
    for wishes_in_order in ((Wish.PAUSE, Wish.CLOSE), (Wish.CLOSE, Wish.PAUSE)):
        leaving = Leaving()
        for wish in wishes_in_order:
            leaving.ask(wish)
        assert leaving.wish is Wish.PAUSE


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"wish": null}', '{"wish": ["stop"]}', '{"wish": "dance"}', "\x00\x00"]
)
def test_a_damaged_file_asks_nothing(folder: RunFolder, text: str) -> None:
    (folder.path / wishes.FILE).write_text(text)
    assert asked(folder) is None


def test_a_close_is_asked_within_a_process_alone(folder: RunFolder) -> None:
    (folder.path / wishes.FILE).write_text('{"wish": "close"}')
    assert asked(folder) is None


@pytest.mark.parametrize("wish", [Wish.PAUSE, Wish.STOP])
def test_who_works_on_a_run_hears_of_it_and_forgets_it_in_the_end(folder: RunFolder, wish: Wish) -> None:
    leaving = Leaving()
    with heard(folder, leaving):
        assert not leaving.event.is_set()
        ask(folder, wish)
        assert leaving.event.wait(PATIENCE_S)
        assert leaving.wish is wish
    assert asked(folder) is None
    assert "thaw-wishes" not in {thread.name for thread in threading.enumerate()}


def test_what_was_asked_just_before_the_work_began_is_heard(folder: RunFolder) -> None:
    ask(folder, Wish.STOP)
    leaving = Leaving()
    with heard(folder, leaving):
        assert leaving.event.wait(PATIENCE_S)


def test_a_damaged_wish_does_not_deafen_who_listens(folder: RunFolder) -> None:
    leaving = Leaving()
    with heard(folder, leaving):
        (folder.path / wishes.FILE).write_text("{")
        threading.Event().wait(2 * wishes.LOOK_EVERY_S)
        assert not leaving.event.is_set()
        ask(folder, Wish.PAUSE)
        assert leaving.event.wait(PATIENCE_S)


def test_a_pause_can_become_a_stop_meanwhile(folder: RunFolder) -> None:
    leaving = Leaving()
    with heard(folder, leaving):
        ask(folder, Wish.PAUSE)
        assert leaving.event.wait(PATIENCE_S)
        ask(folder, Wish.STOP)
        until(lambda: leaving.wish is Wish.STOP)


def test_work_that_breaks_off_forgets_what_was_asked_too(folder: RunFolder) -> None:
    ask(folder, Wish.STOP)
    with pytest.raises(ZeroDivisionError), heard(folder, Leaving()):
        raise ZeroDivisionError
    assert asked(folder) is None


def test_another_process_is_heard(folder: RunFolder) -> None:
    code = (
        "import pathlib, sys\n"
        "from core.runs.folder import RunFolder\n"
        "from core.runs.wishes import Wish, ask\n"
        "ask(RunFolder(pathlib.Path(sys.argv[1])), Wish.PAUSE)\n"
    )
    leaving = Leaving()
    with heard(folder, leaving):
        subprocess.run([sys.executable, "-c", code, str(folder.path)], cwd=ROOT, check=True)
        assert leaving.event.wait(PATIENCE_S)
    assert leaving.wish is Wish.PAUSE
