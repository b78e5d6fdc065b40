"""How much may be kept, and what goes first where it is too much."""

from __future__ import annotations

import math
import os
import shutil
from collections import namedtuple
from pathlib import Path

import filelock
import pytest
from kept_rows import RECORD_BYTES, find, keep, keys_of, opened, write

from core.activations import budget
from core.activations.budget import (
    DEFAULT_BUDGET,
    LARGEST_BUDGET,
    Usage,
    budget_of,
    clear,
    free_for,
    root_of,
    set_budget,
    usage,
)
from core.activations.segment import Segment
from core.activations.store import DISK_RESERVE, NoRoom
from core.errors import BadInput, Busy
from core.workspace import Workspace

ROW = 12
SIZE = 4 * (ROW + RECORD_BYTES)
Disk = namedtuple("Disk", ["total", "used", "free"])


def aged(workspace: Workspace, *ages: int) -> list[Segment]:
    """Keep a segment of four rows for each age in minutes."""
    made = [keep(workspace, 4, 10 * at) for at in range(len(ages))]
    for segment, age in zip(made, ages, strict=True):
        stamp = 1_700_000_000 - 60 * age
        os.utime(segment.index, (stamp, stamp))
    assert {segment.size for segment in made} <= {SIZE}
    return made


def left(made: list[Segment]) -> list[int]:
    """Return which segments are left, and check that those that are not left nothing behind."""
    there = [segment.index.exists() for segment in made]
    assert there == [segment.rows.exists() for segment in made]
    return [at for at, each in enumerate(there) if each]


def test_nothing_is_kept_at_first_and_10_gigabytes_may_be(workspace: Workspace) -> None:
    assert usage(workspace) == Usage(0, 0, 10 * 10**9)
    assert budget_of(workspace) == DEFAULT_BUDGET
    assert clear(workspace) == 0


@pytest.mark.parametrize("given", [0, 1, 5 * 10**9, LARGEST_BUDGET])
def test_a_budget_that_is_set_is_read_back(workspace: Workspace, given: int) -> None:
    set_budget(workspace, given)
    assert budget_of(workspace) == given
    assert usage(workspace).budget == given


@pytest.mark.parametrize("given", [-1, LARGEST_BUDGET + 1, math.nan, math.inf, -math.inf, 1e300])
def test_a_budget_out_of_range_is_refused_with_the_range(workspace: Workspace, given: float) -> None:
    set_budget(workspace, 7)
    with pytest.raises(BadInput, match="cannot be used") as caught:
        set_budget(workspace, given)
    assert "from 0 to 10,000 GB" in caught.value.fix
    assert len(caught.value.given) <= 80
    assert budget_of(workspace) == 7


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "{}", "\x00", '{"activations_budget": null}', '{"activations_budget": "1"}',
     '{"activations_budget": -1}', '{"activations_budget": 1.5}', '{"activations_budget": true}',
     '{"activations_budget": NaN}', '{"activations_budget": 1' + "0" * 400 + "}"],
    ids=lambda text: text[:30],
)
def test_damaged_settings_mean_the_default(workspace: Workspace, text: str) -> None:
    set_budget(workspace, 7)
    (workspace.root / "settings.json").write_text(text)
    assert budget_of(workspace) == DEFAULT_BUDGET
    assert usage(workspace).budget == DEFAULT_BUDGET
    set_budget(workspace, 8)
    assert budget_of(workspace) == 8


def test_usage_counts_the_bytes_of_all_and_of_those_in_use(workspace: Workspace) -> None:
    aged(workspace, 1, 2)
    keep(workspace, 2, size=65)
    whole = 2 * SIZE + 2 * (ROW + RECORD_BYTES)
    assert usage(workspace) == Usage(whole, 0, DEFAULT_BUDGET)
    files = [path for path in root_of(workspace).rglob("*") if path.suffix in (".rows", ".index")]
    assert sum(path.stat().st_size for path in files) == whole
    with opened(workspace) as kept:
        find(kept, keys_of(1))
        assert usage(workspace) == Usage(whole, SIZE, DEFAULT_BUDGET)
        find(kept, keys_of(1, 10))
        assert usage(workspace).in_use == 2 * SIZE
        write(kept, 3, 50)
        assert usage(workspace).in_use == 2 * SIZE + 3 * (ROW + RECORD_BYTES)
    assert usage(workspace).in_use == 0


def test_the_least_recently_used_goes_first_and_no_more_than_must(workspace: Workspace) -> None:
    made = aged(workspace, 2, 3, 1)
    set_budget(workspace, 3 * SIZE)
    assert free_for(workspace, 1)
    assert left(made) == [0, 2]
    assert free_for(workspace, 2 * SIZE)
    assert left(made) == [2]


def test_what_fits_removes_nothing(workspace: Workspace) -> None:
    made = aged(workspace, 1, 2)
    set_budget(workspace, 3 * SIZE)
    assert free_for(workspace, SIZE)
    assert free_for(workspace, 0)
    assert left(made) == [0, 1]


def test_rows_that_are_found_are_used_now(workspace: Workspace) -> None:
    made = aged(workspace, 2, 3, 1)
    with opened(workspace) as kept:
        find(kept, keys_of(1, 10))
    set_budget(workspace, 2 * SIZE)
    assert left(made) == [1, 2]


def test_looking_for_what_is_not_there_uses_nothing(workspace: Workspace) -> None:
    made = aged(workspace, 2, 1)
    with opened(workspace) as kept:
        find(kept, keys_of(3, 100))
        assert usage(workspace).in_use == 0
    assert made[0].used < made[1].used < 1_700_000_000


def test_nothing_is_removed_where_that_would_not_be_enough(workspace: Workspace) -> None:
    made = aged(workspace, 1, 2)
    set_budget(workspace, 2 * SIZE)
    assert not free_for(workspace, 2 * SIZE + 1)
    assert left(made) == [0, 1]
    assert free_for(workspace, 2 * SIZE)
    assert left(made) == []


def test_a_smaller_budget_removes_at_once(workspace: Workspace) -> None:
    made = aged(workspace, 2, 3, 1)
    set_budget(workspace, 2 * SIZE - 1)
    assert left(made) == [2]
    set_budget(workspace, 0)
    assert left(made) == []
    assert usage(workspace) == Usage(0, 0, 0)


def test_folders_without_a_segment_go_as_well(workspace: Workspace) -> None:
    (segment,) = aged(workspace, 1)
    other = keep(workspace, 1, size=65)
    os.utime(other.index, (1, 1))
    set_budget(workspace, SIZE)
    assert left([segment]) == [0]
    assert [path for path in root_of(workspace).iterdir() if path.is_dir()] == [segment.index.parent]


def test_clear_removes_all_and_says_how_many_bytes(workspace: Workspace) -> None:
    made = aged(workspace, 1, 2)
    other = keep(workspace, 1, size=65)
    assert clear(workspace) == 2 * SIZE + ROW + RECORD_BYTES
    assert left([*made, other]) == []
    assert [path for path in root_of(workspace).iterdir() if path.is_dir()] == []
    assert clear(workspace) == 0


def test_rows_without_an_index_are_tidied_up(workspace: Workspace) -> None:
    kept = keep(workspace)
    for lost in (keep(workspace, 2, 10), keep(workspace, 2, size=65)):
        lost.index.unlink()
        assert lost.rows.exists()
    assert free_for(workspace, 0)
    assert list(root_of(workspace).rglob("*.rows")) == [kept.rows]
    assert clear(workspace) == SIZE
    assert list(root_of(workspace).rglob("*.rows")) == []


def test_what_was_cleared_is_kept_again_by_a_run_that_is_open(workspace: Workspace) -> None:
    keep(workspace)
    with opened(workspace) as kept:
        clear(workspace)
        assert find(kept, keys_of(4)) == 0
        write(kept, 4)
    with opened(workspace) as again:
        assert find(again, keys_of(4)) == 4


def test_a_lock_that_another_program_holds_for_long_is_said(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budget, "_LONGEST_WAIT_S", 0.01)
    root_of(workspace).mkdir(parents=True)
    with filelock.FileLock(root_of(workspace) / "lock"):
        assert usage(workspace).bytes == 0  # a page is not kept waiting
        for ask in (clear, lambda space: free_for(space, 1)):
            with pytest.raises(Busy, match="cache"):
                ask(workspace)
    assert usage(workspace).bytes == 0


def test_room_is_made_by_removing_what_was_used_long_ago(workspace: Workspace) -> None:
    made = aged(workspace, 2, 1)
    set_budget(workspace, 2 * SIZE)
    with opened(workspace) as kept:
        kept.make_room(4)
        assert left(made) == [1]
        kept.make_room(0)
        assert left(made) == [1]


def test_where_the_budget_is_too_small_one_sentence_says_so(workspace: Workspace) -> None:
    made = aged(workspace, 1)
    set_budget(workspace, 2 * 10**9)
    with opened(workspace) as kept, pytest.raises(NoRoom) as caught:
        kept.make_room(250_000_000)
    assert caught.value.reason.endswith("may be kept.")
    assert str(caught.value) == caught.value.reason
    assert left(made) == [0]


def test_where_the_disk_is_too_full_one_sentence_says_so(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Path] = []

    def free(path: Path) -> Disk:
        asked.append(Path(path))
        return Disk(10**12, 0, DISK_RESERVE + 100 * (ROW + RECORD_BYTES))

    monkeypatch.setattr(shutil, "disk_usage", free)
    with opened(workspace) as kept:
        kept.make_room(100)
        with pytest.raises(NoRoom) as caught:
            kept.make_room(1000)
    assert caught.value.reason.endswith("the disk is nearly full.")
    assert {path.is_relative_to(workspace.root) for path in asked} == {True}


def test_what_room_was_made_for_keeps_within_the_budget(workspace: Workspace) -> None:
    """Each row takes its bytes and a record of the index, no less."""
    images = 50
    needed = images * (ROW + RECORD_BYTES)
    set_budget(workspace, needed)
    with opened(workspace) as kept:
        kept.make_room(images)
        write(kept, images)
        assert usage(workspace).bytes == needed
    clear(workspace)
    set_budget(workspace, needed - 1)
    with opened(workspace) as kept, pytest.raises(NoRoom):
        kept.make_room(images)
