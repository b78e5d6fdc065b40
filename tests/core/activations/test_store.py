"""Rows of activations are found again by what made them, and only by that."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import numpy as np
import psutil
import pytest
from kept_rows import (
    MADE_BY,
    ONE,
    TWO,
    assert_right,
    find,
    keep,
    keys_of,
    opened,
    segments,
    tensors_of,
    write,
)

from core.activations import store
from core.activations.store import SPEED, Activations, row_key
from core.errors import Stopped
from core.workspace import Workspace


@pytest.mark.parametrize("shapes", [ONE, TWO, ((1,),), ((2, 3, 4), (2, 3, 4), (1,))], ids=str)
def test_rows_come_back_as_they_were_written(
    workspace: Workspace, shapes: tuple[tuple[int, ...], ...]
) -> None:
    with opened(workspace, shapes) as kept:
        keys = write(kept, 7, shapes=shapes)
        assert assert_right(kept, keys, shapes) == set(range(7))
    with opened(workspace, shapes) as again:
        assert find(again, keys) == 7
        assert assert_right(again, keys, shapes) == set(range(7))
        for tensor, shape in zip(again.gather(keys), shapes, strict=True):
            assert (tensor.shape, tensor.dtype) == ((7, *shape), np.float32)


def test_numbers_of_any_kind_come_back_bit_for_bit(workspace: Workspace) -> None:
    odd = np.array([[np.nan, -0.0, np.inf], [-np.inf, 1e-45, 3.4e38]], np.float32)
    keys = keys_of(2)
    with opened(workspace) as kept:
        writing = kept.writer()
        writing.append(keys, [odd])
        writing.close()
    with opened(workspace) as again:
        assert find(again, keys) == 2
        assert again.gather(keys)[0].tobytes() == odd.tobytes()


def test_rows_come_in_the_order_of_the_keys_and_as_often(workspace: Workspace) -> None:
    order = [5, 0, 3, 3, 6, 0]
    with opened(workspace, TWO) as kept:
        keys = write(kept, 7, shapes=TWO)
        found = kept.gather([keys[at] for at in order])
    for tensor, expected in zip(found, tensors_of(7, TWO), strict=True):
        np.testing.assert_array_equal(tensor, expected[order])


def test_rows_of_several_segments_come_in_one_go(workspace: Workspace) -> None:
    for start in (0, 3, 6):
        keep(workspace, 3, start)
    keys = keys_of(12)
    with opened(workspace) as kept:
        assert find(kept, keys) == 9
        writing = kept.writer()
        for start in (9, 11):
            writing.append(keys[start : start + 2][: 12 - start], tensors_of(min(2, 12 - start), start=start))
        writing.close()
        mixed = [11, 0, 8, 4, 9, 10, 2]
        np.testing.assert_array_equal(
            kept.gather([keys[at] for at in mixed])[0],
            np.concatenate([tensors_of(1, start=at)[0] for at in mixed]),
        )
        assert assert_right(kept, keys) == set(range(12))


def test_what_was_gathered_stays_when_the_files_are_let_go(workspace: Workspace) -> None:
    with opened(workspace) as kept:
        keys = write(kept, 3)
        found = kept.gather(keys)
    np.testing.assert_array_equal(found[0], tensors_of(3)[0])
    assert keys[0] not in kept


def test_rows_count_as_there_once_their_writer_has_ended(workspace: Workspace) -> None:
    keys = keys_of(2)
    with opened(workspace) as kept:
        writing = kept.writer()
        writing.append(keys, tensors_of(2))
        assert keys[0] not in kept
        writing.close()
        assert keys[0] in kept


def test_what_is_not_there_is_not_found_and_cannot_be_gathered(workspace: Workspace) -> None:
    with opened(workspace) as kept:
        assert find(kept, keys_of(3)) == 0
        write(kept, 2)
        assert find(kept, keys_of(3)) == 2
        with pytest.raises(KeyError):
            kept.gather(keys_of(3))


def test_a_photo_that_is_asked_for_twice_is_counted_twice(workspace: Workspace) -> None:
    keep(workspace, 2)
    first, second = keys_of(2)
    with opened(workspace) as kept:
        assert find(kept, [first, second, first, *keys_of(1, 9)]) == 3


@pytest.mark.parametrize(
    "changes",
    [
        {"weights": "beef"}, {"cut": ["block5"]}, {"cut": ["block6", "block5"]}, {"size": 65},
        {"preprocessing": "caffe"}, {"pooling": "avg"}, {"backbone": "vgg16"},
        {"versions": {"keras": "3.1", "pillow": "12"}}, {"versions": {"keras": "3"}},
    ],
    ids=repr,
)
def test_rows_that_something_else_made_are_not_found(
    workspace: Workspace, changes: dict[str, object]
) -> None:
    keep(workspace)
    with opened(workspace, **changes) as other:
        assert find(other, keys_of(4)) == 0
    with opened(workspace) as same:
        assert find(same, keys_of(4)) == 4


@pytest.mark.parametrize("shapes", [((1, 3),), ((3, 1),), ((2,), (1,)), ((4,),)], ids=str)
def test_rows_of_other_shapes_are_not_found(
    workspace: Workspace, shapes: tuple[tuple[int, ...], ...]
) -> None:
    keep(workspace)
    with opened(workspace, shapes) as other:
        assert find(other, keys_of(4)) == 0


def test_rows_of_another_form_are_not_found(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(workspace)
    monkeypatch.setattr(store, "FORM", store.FORM + 1)
    with opened(workspace) as other:
        assert find(other, keys_of(4)) == 0


def test_the_order_in_which_something_is_described_does_not_matter(workspace: Workspace) -> None:
    keep(workspace)
    backwards = dict(reversed(MADE_BY.items()))
    with Activations(workspace, backwards, ONE) as same:
        assert find(same, keys_of(4)) == 4


def test_rows_of_another_workspace_are_not_found(workspace: Workspace, tmp_path: Path) -> None:
    keep(workspace)
    with opened(Workspace.open(tmp_path / "other")) as other:
        assert find(other, keys_of(4)) == 0


def test_what_made_them_lies_beside_the_rows(workspace: Workspace) -> None:
    folder = keep(workspace).index.parent
    described = json.loads((folder / "made_by.json").read_text())
    assert described == {
        "form": store.FORM, "shapes": [[3]], "row_bytes": 12, "label": None, **MADE_BY,
    }


def test_keys_differ_by_photo_augmentation_seed_and_view() -> None:
    views: list[tuple[object, ...]] = [
        (), ("light", 0, 0), ("strong", 0, 0), ("light", 1, 0), ("light", 0, 1), ("light", 1, 1),
        ("light", 0, 10), ("light", 10, 0), ("light", 11, 1), ("light", 1, 11), ("light", "0", 0),
    ]
    keys = [row_key(digest, view) for digest in ("a" * 64, "b" * 64) for view in views]
    assert len(set(keys)) == len(keys)
    assert {len(key) for key in keys} == {16}
    assert row_key("a" * 64, ("light", 0, 1)) == row_key("a" * 64, ("light", 0, 1))


def test_a_stop_ends_the_looking_at_once(workspace: Workspace) -> None:
    keep(workspace, 4)
    stop = threading.Event()
    stop.set()
    with opened(workspace) as kept, pytest.raises(Stopped):
        kept.find(keys_of(4), lambda _found: None, stop)


def test_a_stop_while_rows_are_checked_is_heard_and_how_many_were_found_is_told(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "_CHECKED_AT_A_TIME", 10)
    keep(workspace, 100)
    stop = threading.Event()
    told: list[int] = []

    def tell(found: int) -> None:
        told.append(found)
        if found >= 20:
            stop.set()

    with opened(workspace) as kept, pytest.raises(Stopped):
        kept.find(keys_of(100), tell, stop)
    assert told == [0, 10, 20]


def test_only_so_many_segments_are_opened_the_last_used_first(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [keep(workspace, 1, start) for start in range(5)]
    for age, at in enumerate((3, 0, 4, 1, 2)):
        # From the one used last to the one used first.
        stamp = 1_700_000_000 - 60 * age
        os.utime(made[at].index, (stamp, stamp))
    monkeypatch.setattr(store, "MOST_SEGMENTS", 3)
    with opened(workspace) as kept:
        assert find(kept, keys_of(5)) == 3
        assert {at for at, key in enumerate(keys_of(5)) if key in kept} == {3, 0, 4}


def test_more_segments_than_may_be_opened_hold_no_more_files(workspace: Workspace) -> None:
    for start in range(store.MOST_SEGMENTS + 3):
        keep(workspace, 1, start)
    before = psutil.Process().num_fds()
    with opened(workspace) as kept:
        assert find(kept, keys_of(store.MOST_SEGMENTS + 3)) == store.MOST_SEGMENTS
        # A mapped file and a mark each.
        assert psutil.Process().num_fds() - before <= 2 * store.MOST_SEGMENTS
    assert psutil.Process().num_fds() == before


def test_opening_and_closing_again_and_again_holds_no_more_files(workspace: Workspace) -> None:
    process = psutil.Process()
    for round_ in range(50):
        with opened(workspace) as kept:
            find(kept, keys_of(4))
            if round_ % 10 == 0:
                write(kept, 2, start=2 * round_)
                kept.writer().close()
            kept.gather(keys_of(2))
        if round_ == 10:
            before = process.num_fds()
    assert process.num_fds() == before


def test_a_writer_without_a_row_leaves_no_files(workspace: Workspace) -> None:
    with opened(workspace) as kept:
        kept.writer().close()
        assert [path.name for path in kept.folder.iterdir()] == ["made_by.json"]
    assert segments(workspace) == []


def test_two_that_write_at_once_both_keep_what_they_made(workspace: Workspace) -> None:
    with opened(workspace) as one, opened(workspace) as other:
        first, second = one.writer(), other.writer()
        first.append(keys_of(2), tensors_of(2))
        second.append(keys_of(2, 1), tensors_of(2, start=1))
        first.append(keys_of(1, 3), tensors_of(1, start=3))
        first.close()
        second.close()
    keys = keys_of(4)
    with opened(workspace) as kept:
        assert find(kept, keys) == 4
        assert assert_right(kept, keys) == {0, 1, 2, 3}


def test_how_long_a_photo_took_is_remembered(workspace: Workspace) -> None:
    with opened(workspace) as kept:
        assert kept.image_s is None
        write(kept, 1)
        kept.remember_speed(0.25)
    with opened(workspace) as again:
        assert again.image_s == 0.25
    with opened(workspace, size=65) as other:
        assert other.image_s is None


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"image_s": "1"}', '{"image_s": -1.0}', '{"image_s": 0.0}',
             '{"image_s": NaN}', '{"image_s": Infinity}', '{"image_s": 1e9}', '{"image_s": null}'],
)
def test_a_damaged_speed_is_not_known(workspace: Workspace, text: str) -> None:
    with opened(workspace) as kept:
        write(kept, 1)
        (kept.folder / SPEED).write_text(text)
        assert kept.image_s is None
