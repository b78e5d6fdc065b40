"""What a run uses stays, in this process and in others; what a dead one used does not."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from kept_rows import assert_right, find, keep, keys_of, opened, other_process, segments, write

from core.activations.budget import Usage, clear, free_for, root_of, set_budget, usage
from core.activations.segment import Segment
from core.workspace import Workspace

FIND = "assert find(kept, keys_of(4)) == 4"
WRITE = "writing = kept.writer(); writing.append(keys_of(4), tensors_of(4))"
Removal = Callable[[Workspace], object]


def more_than_there_is(workspace: Workspace) -> None:
    """Ask for all of the budget, which what is in use does not leave."""
    assert not free_for(workspace, 10**10)


REMOVALS = [
    pytest.param(clear, id="clear"),
    pytest.param(lambda workspace: set_budget(workspace, 0), id="no-budget"),
    pytest.param(more_than_there_is, id="room"),
]


def used_longest_ago(workspace: Workspace) -> Segment:
    """Keep a segment that would go before all others."""
    segment = keep(workspace)
    os.utime(segment.index, (1, 1))
    return segment


def marks(workspace: Workspace) -> list[str]:
    return [path.name for path in root_of(workspace).rglob("*.use")]


@pytest.mark.parametrize("remove", REMOVALS)
def test_what_a_run_has_found_stays_and_the_rest_goes(workspace: Workspace, remove: Removal) -> None:
    used, idle = used_longest_ago(workspace), keep(workspace, 4, 10)
    with opened(workspace) as kept:
        find(kept, keys_of(4))
        os.utime(used.index, (1, 1))
        remove(workspace)
        assert used in segments(workspace)
        assert (idle in segments(workspace)) is (remove is more_than_there_is)
        assert assert_right(kept, keys_of(4)) == {0, 1, 2, 3}
    clear(workspace)
    assert segments(workspace) == []


@pytest.mark.parametrize("remove", REMOVALS)
def test_what_a_run_has_written_or_is_writing_stays(workspace: Workspace, remove: Removal) -> None:
    with opened(workspace) as kept:
        keys = write(kept, 2)
        writing = kept.writer()
        remove(workspace)
        assert len(segments(workspace)) == 2
        writing.append(keys_of(1, 2), [kept.gather(keys[:1])[0]])
        remove(workspace)
        writing.close()
        remove(workspace)
        assert assert_right(kept, keys) == {0, 1}
        assert len(segments(workspace)) == 2
    clear(workspace)
    assert segments(workspace) == []


def test_of_two_runs_that_use_the_same_the_last_lets_go_of_it(workspace: Workspace) -> None:
    keep(workspace)
    with opened(workspace) as one:
        find(one, keys_of(4))
        with opened(workspace) as other:
            find(other, keys_of(4))
        assert clear(workspace) == 0
        assert assert_right(one, keys_of(4)) == {0, 1, 2, 3}
    assert clear(workspace) > 0


def test_room_is_made_of_what_is_idle_though_used_later(workspace: Workspace) -> None:
    used, idle = used_longest_ago(workspace), keep(workspace, 4, 10)
    with opened(workspace) as kept:
        find(kept, keys_of(4))
        os.utime(used.index, (1, 1))
        set_budget(workspace, 2 * used.size)
        assert free_for(workspace, used.size)
        assert segments(workspace) == [used]
        assert not free_for(workspace, used.size + 1)
        assert segments(workspace) == [used]
    assert not idle.rows.exists()


@pytest.mark.parametrize("work", [FIND, WRITE], ids=["found", "writing"])
@pytest.mark.parametrize("remove", REMOVALS[:2])
def test_what_another_process_uses_stays_until_that_is_dead(
    workspace: Workspace, work: str, remove: Removal
) -> None:
    if work is FIND:
        used_longest_ago(workspace)
    with other_process(workspace, work) as process:
        (segment,) = segments(workspace)
        assert usage(workspace).in_use == segment.size == usage(workspace).bytes
        remove(workspace)
        assert segments(workspace) == [segment]
        assert segment.rows.exists()
        process.kill()
        process.wait()
        assert usage(workspace).in_use == 0
        remove(workspace)
        assert segments(workspace) == []
        assert not segment.rows.exists()
    assert marks(workspace) == []


def test_clear_says_what_was_removed_and_not_what_is_in_use(workspace: Workspace) -> None:
    used, idle = keep(workspace), keep(workspace, 2, 10)
    size = idle.size
    with opened(workspace) as kept:
        find(kept, keys_of(4))
        assert clear(workspace) == size
        assert usage(workspace) == Usage(used.size, used.size, 10**10)


def test_after_it_is_closed_nothing_is_in_use_and_no_mark_is_left(workspace: Workspace) -> None:
    keep(workspace)
    with opened(workspace) as kept:
        find(kept, keys_of(8))
        write(kept, 4, 4)
        kept.writer().close()
        assert usage(workspace).in_use > 0
        assert len(marks(workspace)) == 2
    assert usage(workspace).in_use == 0
    assert marks(workspace) == []


def test_it_may_be_closed_twice(workspace: Workspace) -> None:
    kept = opened(workspace)
    write(kept, 2)
    kept.close()
    kept.close()
    assert marks(workspace) == []


def test_it_is_closed_after_an_error_as_well(workspace: Workspace) -> None:
    with pytest.raises(KeyError), opened(workspace) as kept:
        kept.gather([*write(kept, 2), b"unknown"])
    assert marks(workspace) == []
    assert usage(workspace).in_use == 0
