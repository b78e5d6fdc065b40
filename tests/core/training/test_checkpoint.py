"""All that a training needs to go on, as a file that may be damaged."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.errors import RunFailed
from core.training.checkpoint import VERSION, Checkpoint, assign
from core.training.events import EpochRow

FIRST = EpochRow(1, "fit", 0.7, 0.5, None, None, 1e-3, 2.5)
SECOND = EpochRow(2, "fit", 1 / 3, 0.75, 0.1 + 0.2, 1.0, 1e-3, 2.0)
WHOLE = Checkpoint(
    epochs=2, step=3, seconds=1.25, logs={"loss": 0.1 + 0.2, "accuracy": 0.5}, history=(FIRST, SECOND),
    kept=2, frozen="0123abcd",
    weights=(np.arange(6, dtype=np.float32).reshape(2, 3), np.array(0.5, np.float32)),
    optimizer=(np.array(7, np.int64), np.ones((2, 3), np.float32)),
    seeds=(np.array([2**32 - 1, 4], np.uint32),),
    metrics=(np.array(1.5, np.float32),),
    best=(np.zeros((2, 3), np.float32), np.array(-1.0, np.float32)),
)
ARRAYS = ("weights", "optimizer", "seeds", "metrics", "best")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "last.npz"


def written(path: Path, checkpoint: Checkpoint = WHOLE) -> bytes:
    checkpoint.save(path, durable=False)
    return path.read_bytes()


def same(one: Checkpoint, other: Checkpoint) -> bool:
    """Tell whether two are the same, to the last bit and with the same types."""
    for each in fields(Checkpoint):
        mine, theirs = getattr(one, each.name), getattr(other, each.name)
        if each.name not in ARRAYS:
            if mine != theirs:
                return False
        elif len(mine) != len(theirs) or not all(
            a.dtype == b.dtype and a.shape == b.shape and np.array_equal(a, b)
            for a, b in zip(mine, theirs, strict=True)
        ):
            return False
    return True


def refused(path: Path) -> RunFailed:
    with pytest.raises(RunFailed, match="damaged") as caught:
        Checkpoint.load(path)
    return caught.value


def loaded(path: Path) -> Checkpoint:
    found = Checkpoint.load(path)
    assert found is not None
    return found


@pytest.mark.parametrize(
    "checkpoint",
    [
        WHOLE, replace(WHOLE, step=0, seconds=0.0, logs={}, seeds=(), metrics=(), best=()),
        Checkpoint(0, 1, 0.5, {"loss": 2.0, "accuracy": 0.0}, (), None, "", (), ()),
        replace(WHOLE, weights=tuple(np.full(2, at) for at in range(25))),
    ],
    ids=["within an epoch", "at an end", "before the first", "many weights"],
)
@pytest.mark.parametrize("durable", [True, False])
def test_what_is_written_is_read_back_to_the_last_bit(
    path: Path, checkpoint: Checkpoint, durable: bool
) -> None:
    checkpoint.save(path, durable=durable)
    assert same(loaded(path), checkpoint)
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_the_best_row_is_that_of_the_kept_epoch() -> None:
    assert WHOLE.best_row == SECOND
    assert replace(WHOLE, kept=1).best_row == FIRST
    assert replace(WHOLE, kept=None, history=()).best_row is None


def test_where_there_is_none_there_is_none(path: Path) -> None:
    assert Checkpoint.load(path) is None
    assert Checkpoint.load(path.parent / "gone" / path.name) is None


def test_a_new_one_replaces_the_old_one_whole(path: Path) -> None:
    written(path)
    later = replace(WHOLE, epochs=3, step=0)
    written(path, later)
    assert same(loaded(path), later)


def test_a_disk_that_is_full_leaves_the_old_one(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = written(path)

    def half(handle: Any, **_arrays: object) -> None:
        handle.write(before[: len(before) // 2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", half)
    with pytest.raises(OSError, match="No space left"):
        replace(WHOLE, epochs=9).save(path, durable=True)
    assert path.read_bytes() == before
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_cut_anywhere_it_is_damaged_and_says_what_to_do(path: Path) -> None:
    whole = written(path)
    for cut in (*range(0, len(whole), 17), *range(len(whole) - 30, len(whole))):
        path.write_bytes(whole[:cut])
        error = refused(path)
        assert error.given == path.name
        assert error.fix


def test_no_flipped_bit_is_taken_for_the_whole(path: Path) -> None:
    whole = written(path)
    # A bit of each byte of what says where things are, at the end, and some of the others.
    directory = whole.index(b"PK\x01\x02")
    random_bits = random.Random(3)
    places = [*random_bits.sample(range(directory), 60), *range(directory, len(whole))]
    taken = 0
    for at in places:
        flipped = bytearray(whole)
        flipped[at] ^= 1 << random_bits.randrange(8)
        path.write_bytes(flipped)
        try:
            found = loaded(path)
        except RunFailed:
            continue
        assert same(found, WHOLE), at
        taken += 1
    assert taken < len(places) / 2  # such as the time of an entry


@pytest.mark.parametrize(
    "content", [b"", b"PK", b"\x93NUMPY", b"no archive at all", b"\x80\x04N.", b"\x00" * 4096]
)
def test_what_is_no_archive_is_damaged(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    refused(path)


def test_a_folder_in_its_place_is_damaged(path: Path) -> None:
    path.mkdir()
    refused(path)


def rewritten(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Write a checkpoint whose description was changed."""
    written(path)
    with np.load(path) as archive:
        arrays = dict(archive)
    meta = json.loads(arrays["about"].tobytes())
    change(meta)
    arrays["about"] = np.frombuffer(json.dumps(meta).encode(), np.uint8)
    np.savez(path, **arrays)


def test_a_description_that_is_rewritten_unchanged_is_read(path: Path) -> None:
    rewritten(path, lambda _meta: None)
    assert same(loaded(path), WHOLE)


@pytest.mark.parametrize("version", [VERSION + 1, 0, None, "1"])
def test_another_version_is_not_guessed_at(path: Path, version: object) -> None:
    rewritten(path, lambda meta: meta.update(version=version))
    refused(path)


@pytest.mark.parametrize(
    "change",
    [
        lambda meta: meta.pop("version"), lambda meta: meta.pop("epochs"), lambda meta: meta.pop("history"),
        lambda meta: meta.update(more=1), lambda meta: meta.update(history=3),
        lambda meta: meta.update(history=[3]), lambda meta: meta["history"][0].pop("loss"),
        lambda meta: meta["history"][0].update(more=1),
    ],
)
def test_a_description_with_something_missing_or_more_is_damaged(
    path: Path, change: Callable[[dict[str, Any]], None]
) -> None:
    rewritten(path, change)
    refused(path)


@pytest.mark.parametrize("about", [b"", b"[]", b"3", b"null", b'"x"', b"{", b"\xff\xfe"])
def test_a_description_that_is_none_is_damaged(path: Path, about: bytes) -> None:
    written(path)
    with np.load(path) as archive:
        arrays = {**archive, "about": np.frombuffer(about, np.uint8)}
    np.savez(path, **arrays)
    refused(path)


@pytest.mark.parametrize("gone", ["weights0", "weights1", "optimizer0", "about"])
def test_an_array_that_is_missing_is_damage(path: Path, gone: str) -> None:
    written(path)
    with np.load(path) as archive:
        arrays = {name: value for name, value in archive.items() if name != gone}
    np.savez(path, **arrays)
    refused(path)


class Trap:
    """Leaves a file where it is unpickled."""

    def __init__(self, sprung: Path) -> None:
        self._sprung = sprung

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self._sprung,)


@pytest.mark.parametrize("place", ["about", "weights0", "best0"])
def test_no_pickle_is_read(path: Path, place: str) -> None:
    sprung = path.parent / "sprung"
    written(path)
    with np.load(path) as archive:
        arrays = {**archive, place: np.array([Trap(sprung)], dtype=object)}
    np.savez(path, **arrays)
    refused(path)
    assert not sprung.exists()


class Variable:
    """Stands in for a Keras variable."""

    def __init__(self, *shape: int) -> None:
        self.shape = shape
        self.value: np.ndarray | None = None

    def assign(self, value: np.ndarray) -> None:
        self.value = value


@pytest.mark.parametrize("shapes", [[(2, 3)], [(2, 3), ()] * 2, [(3, 2), ()], [(2, 3), (1,)], []])
def test_values_of_other_shapes_are_put_nowhere(shapes: list[tuple[int, ...]]) -> None:
    variables = [Variable(*shape) for shape in shapes]
    with pytest.raises(RunFailed, match="does not fit"):
        assign(variables, WHOLE.weights)
    assert [each.value for each in variables] == [None] * len(variables)


def test_values_are_put_in_order() -> None:
    variables = [Variable(2, 3), Variable()]
    assign(variables, WHOLE.weights)
    assert [each.value is value for each, value in zip(variables, WHOLE.weights, strict=True)] == [True, True]


def small_model(trainable: bool = True, units: int = 3) -> Any:
    """Two layers; the first one learns where that is wanted."""
    import keras

    inputs = keras.Input((4,))
    hidden = keras.layers.Dense(units, name="hidden", trainable=trainable)(inputs)
    normal = keras.layers.BatchNormalization(name="normal")(hidden)
    model = keras.Model(inputs, keras.layers.Dense(2, name="last")(normal))
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


@pytest.mark.slow
def test_what_learns_and_what_does_not_are_told_apart() -> None:
    from core.training.checkpoint import frozen_fingerprint, learned

    model, frozen = small_model(), small_model(trainable=False)
    assert [each.path for each in learned(model)] == [each.path for each in model.weights]
    paths = [each.path for each in learned(frozen)]
    assert paths == [each.path for each in frozen.weights if not each.path.startswith("hidden")]
    assert "normal/moving_mean" in paths
    before = frozen_fingerprint(frozen)
    for weight in learned(frozen):
        weight.assign(np.full(weight.shape, 7.0))
    assert frozen_fingerprint(frozen) == before
    frozen.get_layer("hidden").kernel.assign(np.full((4, 3), 7.0))
    assert frozen_fingerprint(frozen) != before


@pytest.mark.slow
def test_a_checkpoint_of_another_model_is_put_nowhere(path: Path) -> None:
    from core.training.checkpoint import (
        Changing,
        frozen_fingerprint,
        learned,
        restore_optimizer,
        restore_weights,
        values_of,
    )

    model = small_model(trainable=False)
    model.optimizer.build(model.trainable_variables)
    checkpoint = replace(
        WHOLE, frozen=frozen_fingerprint(model), weights=values_of(learned(model)),
        optimizer=values_of(model.optimizer.variables),
    )
    checkpoint.save(path, durable=False)
    restore_weights(loaded(path), Changing.of(model))
    restore_optimizer(loaded(path), model)
    with pytest.raises(RunFailed, match="no longer the same"):
        # Other weights in its frozen part.
        restore_weights(checkpoint, Changing.of(small_model(trainable=False)))
    other = small_model()
    before = values_of(other.weights)
    fits = replace(checkpoint, frozen=frozen_fingerprint(other))
    for wrong in (fits, replace(fits, weights=values_of(learned(small_model(units=5))))):
        with pytest.raises(RunFailed, match="does not fit"):
            restore_weights(wrong, Changing.of(other))
    for one, another in zip(before, values_of(other.weights), strict=True):
        np.testing.assert_array_equal(one, another)
