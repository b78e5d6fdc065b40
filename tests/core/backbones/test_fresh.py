from __future__ import annotations

import threading

import pytest

from core.backbones.fresh import with_fresh_names


def names() -> list[str]:
    import keras

    model = keras.Sequential([keras.layers.Dense(1), keras.layers.Dense(1)])
    return [layer.name for layer in model.layers]


def test_automatic_names_are_the_same_each_time() -> None:
    names()
    assert with_fresh_names(names) == with_fresh_names(names) == ["dense", "dense_1"]


def test_the_callers_own_count_goes_on_undisturbed() -> None:
    before = int(names()[1].rpartition("_")[2])
    with_fresh_names(names)
    assert names()[0] == f"dense_{before + 1}"


def test_an_error_is_raised_where_it_was_asked_for() -> None:
    def fail() -> None:
        raise KeyError(threading.current_thread().name)

    with pytest.raises(KeyError, match="thaw-build"):
        with_fresh_names(fail)
