"""The command ``cache``, and what training says of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cli_calls import Capture, Engine, asked, refused

from core.activations.budget import DEFAULT_BUDGET, budget_of
from core.activations.segment import Segment, Writer
from core.activations.store import Activations, row_key
from core.cli.main import main
from core.training.events import CacheUse
from core.workspace import Workspace

KEYS = [row_key(str(number)) for number in range(3)]
SIZE = 3 * (8 + 20)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace of its own."""
    monkeypatch.setenv("THAW_HOME", str(tmp_path / "workspace"))
    return tmp_path / "workspace"


def keep(workspace: Workspace) -> Segment:
    """Keep three rows of eight bytes that nobody uses."""
    with Activations(workspace, {"backbone": "vgg16"}, [(2,)]) as kept:
        segment = Segment.new(kept.folder)
    segment.index.parent.mkdir(parents=True)
    import numpy as np

    writer = Writer(segment, 8)
    writer.append(KEYS, np.zeros((3, 8), np.uint8))
    writer.close()
    return segment


def test_at_first_nothing_is_kept_and_10_gigabytes_may_be(capsys: Capture, elsewhere: Path) -> None:
    assert asked(capsys, "cache") == {
        "bytes": 0, "in_use_bytes": 0, "budget_bytes": DEFAULT_BUDGET, "freed_bytes": 0,
        "folder": str(elsewhere / "cache" / "activations"),
    }


def test_what_is_kept_is_counted_and_left(capsys: Capture) -> None:
    segment = keep(Workspace.open())
    found = asked(capsys, "cache")
    assert (found["bytes"], found["in_use_bytes"], found["freed_bytes"]) == (SIZE, 0, 0)
    assert segment.rows.exists()


def test_clear_removes_what_no_run_uses(capsys: Capture) -> None:
    segment = keep(Workspace.open())
    mark = segment.mark()
    found = asked(capsys, "cache", "--clear")
    assert (found["bytes"], found["in_use_bytes"], found["freed_bytes"]) == (SIZE, SIZE, 0)
    mark.release()
    found = asked(capsys, "cache", "--clear")
    assert (found["bytes"], found["in_use_bytes"], found["freed_bytes"]) == (0, 0, SIZE)
    assert not segment.rows.exists()


@pytest.mark.parametrize(("given", "expected"), [("2.5", 2_500_000_000), ("0", 0), ("10000", 10**13)])
def test_a_budget_is_kept_from_now_on(capsys: Capture, given: str, expected: int) -> None:
    assert asked(capsys, "cache", "--budget", given)["budget_bytes"] == expected
    assert asked(capsys, "cache")["budget_bytes"] == expected
    assert budget_of(Workspace.open()) == expected


def test_a_smaller_budget_removes_at_once(capsys: Capture) -> None:
    segment = keep(Workspace.open())
    assert asked(capsys, "cache", "--budget", "0")["bytes"] == 0
    assert not segment.index.exists()


@pytest.mark.parametrize("given", ["-1", "10001", "nan", "inf", "-inf", "1e400", "ten", ""])
def test_a_budget_out_of_range_is_refused_and_changes_nothing(capsys: Capture, given: str) -> None:
    segment = keep(Workspace.open())
    refused(capsys, "cache", f"--budget={given}")
    assert budget_of(Workspace.open()) == DEFAULT_BUDGET
    assert segment.rows.exists()


def test_for_people_there_are_sizes_and_the_folder(capsys: Capture, elsewhere: Path) -> None:
    keep(Workspace.open())
    assert main(["cache"]) == 0
    out = capsys.readouterr().out
    assert "10" in out
    assert str(elsewhere) in out
    assert "removed" not in out
    assert main(["cache", "--clear"]) == 0
    assert "were removed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("given", "expected"), [([], True), (["--cache", "on"], True), (["--cache", "off"], False)]
)
def test_train_keeps_activations_unless_told(
    capsys: Capture, photos: Path, trainer: Engine, given: list[str], expected: bool
) -> None:
    asked(capsys, "train", str(photos), *given)
    assert trainer.plan is not None
    assert trainer.plan.cache is expected


def test_train_says_what_keeping_activations_saved(
    capsys: Capture, photos: Path, trainer: Engine
) -> None:
    assert main(["train", str(photos)]) == 0
    out = capsys.readouterr().out
    assert "frozen part, up to block7: 3 photos or views were kept before, 13 computed" in out
    assert "about 6 s saved, an estimate" in out


def test_train_says_why_it_went_the_textbook_way(
    capsys: Capture, photos: Path, trainer: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cli_calls.USE", CacheUse(None, reason="The first block learns."))
    assert main(["train", str(photos)]) == 0
    assert "the textbook way: The first block learns." in capsys.readouterr().out


def test_a_smaller_budget_says_what_it_removed(capsys: Capture) -> None:
    keep(Workspace.open())
    assert asked(capsys, "cache", "--budget", "0")["freed_bytes"] == SIZE


@pytest.mark.parametrize("given", [["--cache", "maybe"], ["--views", "65"], ["--views", "-1"]], ids=" ".join)
def test_what_train_cannot_do_with_the_cache_is_refused(
    capsys: Capture, photos: Path, trainer: Engine, given: list[str]
) -> None:
    refused(capsys, "train", str(photos), *given)
    assert trainer.plan is None


def test_a_run_that_failed_says_what_is_known_of_the_cache(
    capsys: Capture, photos: Path, trainer: Engine
) -> None:
    trainer.error = ZeroDivisionError("broken")
    found: dict[str, Any] = asked(capsys, "train", str(photos), status=1)
    assert found["cache"] is None
    status = next(Workspace.open().runs.iterdir()) / "status.json"
    assert json.loads(status.read_text())["cache"] is None
