from __future__ import annotations

import threading

import pytest

from core.errors import Stopped
from core.turn import Turn
from tests.waiting import until


class Worker:
    """Waits for the turn on a thread of its own, and holds it until it is let go."""

    def __init__(self, turn: Turn, what: str) -> None:
        self.waited_for: list[str] = []
        self.stop, self.has_it, self.go = threading.Event(), threading.Event(), threading.Event()
        self.left = False
        self._turn, self._what = turn, what
        self.thread = threading.Thread(target=self._work, daemon=True)
        self.thread.start()

    def _work(self) -> None:
        try:
            with self._turn.taken(self._what, self.stop, self.waited_for.append):
                self.has_it.set()
                assert self.go.wait(30)
        except Stopped:
            self.left = True

    def end(self) -> None:
        self.go.set()
        self.thread.join(30)


def test_each_waits_for_the_one_before_it_and_is_told_what_that_does() -> None:
    turn = Turn()
    first = Worker(turn, "one thing")
    assert first.has_it.wait(30)
    second = Worker(turn, "another")
    until(lambda: bool(second.waited_for))
    third = Worker(turn, "a third")
    until(lambda: bool(third.waited_for))
    assert not second.has_it.is_set()
    first.end()
    assert second.has_it.wait(30)
    assert not third.has_it.is_set()
    second.end()
    assert third.has_it.wait(30)
    third.end()
    assert first.waited_for == []
    assert set(second.waited_for) == {"one thing"}


def test_who_has_waited_longer_comes_before_who_asks_again_at_once() -> None:
    turn = Turn()
    first = Worker(turn, "one thing")
    assert first.has_it.wait(30)
    second = Worker(turn, "another")
    until(lambda: bool(second.waited_for))
    first.end()
    again = Worker(turn, "one thing")
    assert second.has_it.wait(30)
    assert not again.has_it.is_set()
    second.end()
    again.end()


def test_who_is_stopped_while_it_waits_leaves_the_line() -> None:
    turn = Turn()
    first = Worker(turn, "one thing")
    assert first.has_it.wait(30)
    second = Worker(turn, "another")
    until(lambda: bool(second.waited_for))
    second.stop.set()
    second.thread.join(30)
    assert second.left
    first.end()
    with turn.taken("a third", threading.Event()):
        assert not second.has_it.is_set()


def test_what_breaks_off_lets_go_of_the_turn() -> None:
    turn = Turn()
    with pytest.raises(ValueError, match="broke"), turn.taken("one thing", threading.Event()):
        raise ValueError("broke")
    with turn.taken("another", threading.Event()):
        pass
