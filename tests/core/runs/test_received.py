from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.errors import BadInput
from core.runs import begun, studied
from core.runs.folder import RunFolder
from core.runs.status import Failure, State
from core.runs.unpacking import unpack
from core.training.start import Ancestor, Start
from core.workspace import Workspace
from tests.core.runs.packed import changed, write_model

PREDICTIONS = "run/studies/predictions-own-test.npz"
HEADING = b"epoch,phase,loss,accuracy,val_loss,val_accuracy,learning_rate,seconds\n"


def test_a_run_that_could_have_gone_on_has_stopped(
    pack: Callable[..., Path], run: RunFolder, other: Workspace
) -> None:
    run.write_status(replace(run.status(), state=State.INTERRUPTED, error=Failure("It broke off.")))
    found = RunFolder.open(other, unpack(other, pack(photos=False)).run).status()
    assert (found.state, found.kept, found.pid) == (State.STOPPED, 2, None)
    assert found.error == Failure("It broke off.")


def test_a_report_brings_nothing_but_what_is_known(
    pack: Callable[..., Path], run: RunFolder, other: Workspace
) -> None:
    odd = changed(run, "report.json", evil={"a": 1}, timing={"total_s": "<b>" * 1000, "list": [1]},
                  test_looks=-5, classes=["x"] * 9)
    there = RunFolder.open(other, unpack(other, pack(**{"run/report.json": odd})).run)
    report = there.report() or {}
    assert "evil" not in report
    assert report["classes"] == ["blue", "red"]
    assert report["test_looks"] == 1
    assert len(str(report["timing"])) < 400


def test_what_a_report_does_not_know_stays_unknown(
    pack: Callable[..., Path], run: RunFolder, other: Workspace
) -> None:
    odd = changed(run, "report.json", timing=None, cache=[1], versions={"keras": "3"})
    there = RunFolder.open(other, unpack(other, pack(photos=False, **{"run/report.json": odd})).run)
    report = there.report() or {}
    assert [report[part] for part in ("timing", "cache", "versions", "machine")] == [
        None, None, {"keras": "3"}, None]


@pytest.mark.parametrize(("report", "why"), [
    (b'{"version": 2}', "another version"), (b'{"test": null, "test_looks": 1}', "cannot be read"),
])
def test_a_report_that_is_newer_or_lacks_its_parts_is_refused_and_it_is_said_which(
    pack: Callable[..., Path], other: Workspace, report: bytes, why: str
) -> None:
    with pytest.raises(BadInput, match=why):
        unpack(other, pack(photos=False, **{"run/report.json": report}))


@pytest.mark.parametrize(("best", "kept"), [
    ({"foo": 1}, None), ({"epoch": True}, None), ({"epoch": 0}, None), ({"epoch": 10**9}, None), ("x", None),
    ({"epoch": 2, "val_accuracy": "x", "foo": 1}, {"epoch": 2, "val_accuracy": None}),
    ({"epoch": 2, "val_accuracy": 0.5}, {"epoch": 2, "val_accuracy": 0.5}),
])
def test_the_best_epoch_of_a_report_is_one_or_none(
    pack: Callable[..., Path], run: RunFolder, other: Workspace, best: object, kept: object
) -> None:
    source = pack(photos=False, **{"run/report.json": changed(run, "report.json", best=best)})
    there = RunFolder.open(other, unpack(other, source).run)
    assert (there.report() or {})["best"] == kept


@pytest.mark.parametrize("row", [
    b"999999999,fit,1,1,1,1,1,1\n", b"1,fit,1,nan,1,1,1,1\n", b"1,fit,1,1,1,inf,1,1\n",
    b"1,fit,1,1,1,1,nan,1\n", b"1,fit,1,1,1,1,1,nan\n",
])
def test_a_history_that_cannot_be_is_refused(
    pack: Callable[..., Path], other: Workspace, row: bytes
) -> None:
    with pytest.raises(BadInput, match="damaged"):
        unpack(other, pack(**{"run/history.csv": HEADING + row}))


@pytest.mark.parametrize("spoilt", [
    {"confusion": [[1]]}, {"majority_class": 7}, {"by_class": []}, {"classes": ["blue", "\x1b[2Jred"]},
    {"classes": ["blue", "green"]},
])
def test_test_figures_that_are_not_of_these_classes_are_refused(
    pack: Callable[..., Path], run: RunFolder, other: Workspace, spoilt: dict[str, object]
) -> None:
    test = (run.report() or {})["test"]
    assert isinstance(test, dict)
    with pytest.raises(BadInput, match="test figures"):
        unpack(other, pack(**{"run/report.json": changed(run, "report.json", test={**test, **spoilt})}))


def test_titles_are_cut_and_put_on_one_line(
    pack: Callable[..., Path], run: RunFolder, other: Workspace
) -> None:
    history = [Ancestor("a", "\ud800" * 999, ("\x1b]0;x\x07",), "none").to_json()]
    plan = changed(run, "plan.json", dataset_title="\x1b[2J\ud800" + "x" * 5_000_000, history=history)
    there = RunFolder.open(other, unpack(other, pack(photos=False, **{"run/plan.json": plan})).run).plan()
    assert there.dataset_title == ("[2J " + "x" * 80)[:80]
    assert there.history[0].dataset_title == ""
    assert there.history[0].trainable[0].isprintable()


def test_times_that_are_in_no_calendar_are_left_out(
    pack: Callable[..., Path], run: RunFolder, other: Workspace
) -> None:
    status = changed(run, "status.json", created=1e308, started=10**400, worked_s=1e308)
    found = unpack(other, pack(photos=False, **{"run/status.json": status}))
    there = RunFolder.open(other, found.run).status()
    assert (there.created, there.started, there.worked_s) == (0.0, None, 0.0)


@pytest.fixture
def goes_on(run: RunFolder) -> RunFolder:
    run.replace_plan(replace(run.plan(), weights=Start("run", "run-a")))
    return run


def test_which_model_a_run_went_on_from_comes_over(
    pack: Callable[..., Path], goes_on: RunFolder, other: Workspace
) -> None:
    (goes_on.path / begun.FILE).write_text(json.dumps({"version": 1, "model": "0" * 32, "x": 1}))
    there = RunFolder.open(other, unpack(other, pack(photos=False)).run)
    assert json.loads((there.path / begun.FILE).read_text()) == {"version": 1, "model": "0" * 32}


@pytest.mark.parametrize("start", [None, b"{}", b'{"model": "../x"}', b'{"model": 7}'])
def test_where_that_did_not_come_along_it_is_not_known(
    pack: Callable[..., Path], goes_on: RunFolder, other: Workspace, start: object
) -> None:
    there = RunFolder.open(other, unpack(other, pack(photos=False, **{"run/start.json": start})).run)
    with pytest.raises(BadInput, match="another computer"):
        begun.require_same_start(other, there, there.plan())


def npz(packing: int = zipfile.ZIP_STORED, **arrays: np.ndarray | bytes) -> bytes:
    """Return arrays, or what is written in the place of one, as numpy keeps them."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", packing) as archive:
        for name, array in arrays.items():
            written = io.BytesIO(array if isinstance(array, bytes) else b"")
            if not isinstance(array, bytes):
                np.save(written, array)
            archive.writestr(f"{name}.npy", written.getvalue())
    return held.getvalue()


def header(kind: str) -> bytes:
    """Return an array that says to be far larger than it is."""
    held = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        held, {"descr": kind, "fortran_order": False, "shape": (10**13,)})
    return held.getvalue()


def said(run: RunFolder, **changes: object) -> dict[str, np.ndarray | bytes]:
    """Return what a run keeps of predictions, with some of it changed."""
    record = {"version": 1, "model": studied.model_mark(run), "classes": ["blue", "red"]}
    whole = {
        "record": json.dumps(record), "images": ["images/000000.png"], "labels": [0],
        "probabilities": [[0.5, 0.5]], **changes,
    }
    return {
        name: value if isinstance(value, bytes) else np.asarray(value) for name, value in whole.items()
    }


def kept(other: Workspace, source: Path) -> object:
    return studied.kept_predictions(RunFolder.open(other, unpack(other, source).run), "own-test")


def test_predictions_of_this_model_come_over(
    pack: Callable[..., Path], run: RunFolder, other: Workspace
) -> None:
    assert kept(other, pack(photos=False, **{PREDICTIONS: npz(**said(run))})) is not None


@pytest.mark.parametrize("packing", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])
def test_packed_predictions_are_not_unpacked(
    pack: Callable[..., Path], run: RunFolder, other: Workspace, packing: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(studied, "_read_arrays", lambda path: pytest.fail(f"{path} was read"))
    source = pack(photos=False, **{PREDICTIONS: npz(packing, **said(run))})
    assert not list(RunFolder.open(other, unpack(other, source).run).path.glob("studies/*"))


@pytest.mark.parametrize("spoilt", [
    {"images": ["../../x"]}, {"images": [b"x"]}, {"labels": ["a"]}, {"labels": [0.5]}, {"labels": [7]},
    {"probabilities": [["a", "b"]]}, {"probabilities": [[np.nan, 1]]}, {"images": np.zeros((), "U3")},
    {"images": header("<U0"), "labels": header("<i4")}, {"images": header("<U0"), "labels": header("|V0")},
    {"probabilities": header("<f4")},
])
def test_predictions_that_cannot_be_are_left_out(
    pack: Callable[..., Path], run: RunFolder, other: Workspace, spoilt: dict[str, object]
) -> None:
    assert kept(other, pack(photos=False, **{PREDICTIONS: npz(**said(run, **spoilt))})) is None


@pytest.mark.parametrize("damaged", [b"", b"no zip", b"PK\x03\x04"])
def test_damaged_predictions_are_left_out(
    pack: Callable[..., Path], other: Workspace, damaged: bytes
) -> None:
    assert kept(other, pack(photos=False, **{PREDICTIONS: damaged})) is None


def test_predictions_of_a_model_that_was_written_anew_are_kept_of_that(
    pack: Callable[..., Path], run: RunFolder, other: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = pack(photos=False)
    monkeypatch.setattr(
        "core.runs.received.made_anew", lambda path, _plan, _inside: write_model(path, {"other": "words"}))
    there = RunFolder.open(other, unpack(other, source).run)
    assert studied.model_mark(there) != studied.model_mark(run)
    assert studied.kept_predictions(there, "own-test") is not None
