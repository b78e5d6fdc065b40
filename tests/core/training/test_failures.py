"""What the system and TensorFlow say when a training breaks, turned back into advice."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Any

import pytest

from core.errors import BadInput, RunFailed
from core.runs.status import Failure
from core.training.failures import advice, disk_full, is_disk_full, out_of_memory

FULL = "/w/runs/r/checkpoint/x.tfevents; No space left on device"
MEMORY = "OOM when allocating tensor with shape[4096,4096]"


def from_tensorflow(name: str, message: str) -> Exception:
    import tensorflow as tf

    made: Exception = getattr(tf.errors, name)(None, None, message)
    return made


def raised(error: BaseException) -> RunFailed:
    with pytest.raises(RunFailed) as caught, advice():
        raise error
    assert caught.value.__cause__ is error
    return caught.value


def told(error: Exception) -> tuple[str, str]:
    found = Failure.of_any(error)
    return found.what, found.fix


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_told_by_the_number_of_the_error(number: int) -> None:
    error = OSError(number, "whatever the language says")
    assert is_disk_full(error)
    assert told(error) == (disk_full().what, disk_full().fix)


@pytest.mark.parametrize(
    "error",
    [OSError(errno.EACCES, "No space left"), OSError("No space left"), MemoryError(), ValueError("x")],
)
def test_other_errors_are_no_full_disk(error: Exception) -> None:
    assert not is_disk_full(error)
    assert told(error) != (disk_full().what, disk_full().fix)


def test_a_file_that_cannot_be_written_for_another_reason_says_the_systems_words_and_no_path() -> None:
    found = Failure.of_any(PermissionError(errno.EACCES, "Permission denied", "/home/me/secret"))
    assert found.given == "Permission denied"
    assert "resume" in found.fix
    assert "secret" not in f"{found}"


def test_what_is_said_of_a_full_disk_names_the_way_out() -> None:
    assert disk_full().what == "The disk is full."
    assert "resume" in disk_full().fix
    assert "batch size" in out_of_memory().fix


def test_memory_that_runs_out_is_said() -> None:
    assert raised(MemoryError()).what == out_of_memory().what


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "message", "expected"),
    [
        ("ResourceExhaustedError", FULL, disk_full), ("ResourceExhaustedError", MEMORY, out_of_memory),
        ("UnknownError", FULL, disk_full), ("InternalError", FULL, disk_full),
    ],
)
def test_tensorflows_errors_are_told_apart(
    name: str, message: str, expected: Callable[[], RunFailed]
) -> None:
    error = from_tensorflow(name, message)
    found = raised(error)
    assert (found.what, found.fix) == (expected().what, expected().fix)
    if expected is disk_full:
        assert told(error) == (found.what, found.fix)


@pytest.mark.slow
@pytest.mark.parametrize(
    "make", [lambda: from_tensorflow("InternalError", "what"), lambda: BadInput("A photo.")]
)
def test_what_is_not_understood_stays_as_it_is(make: Callable[[], Exception]) -> None:
    error = make()
    with pytest.raises(type(error)) as caught, advice():
        raise error
    assert caught.value is error


class Feed:
    """Stands in for the batches."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.failure = failure
        self.closed = 0

    def close(self) -> None:
        self.closed += 1


@pytest.mark.slow
def test_a_photo_that_was_lost_is_the_cause_of_what_tensorflow_says() -> None:
    feeds: list[Any] = [Feed(), Feed(BadInput("The file is not an image.", given="cat/a.png"))]
    with pytest.raises(RunFailed, match="can no longer be read") as caught, advice(*feeds):
        raise from_tensorflow("InvalidArgumentError", "generator")
    assert caught.value.__cause__ is feeds[1].failure
    assert [each.closed for each in feeds] == [1, 1]


@pytest.mark.slow
def test_the_feeds_are_closed_however_it_ends() -> None:
    feed: Any = Feed()
    with advice(feed):
        pass
    with pytest.raises(KeyError), advice(feed):
        raise KeyError("x")
    assert feed.closed == 2
