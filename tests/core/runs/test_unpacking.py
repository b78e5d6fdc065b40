from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from core.data import dataset as datasets
from core.data.dataset import Dataset
from core.data.intake import take_in
from core.errors import BadInput, NotFound, Stopped
from core.runs import studied, unpacking
from core.runs.about import About, about_of
from core.runs.folder import RunFolder
from core.runs.listing import listed
from core.runs.packing import HEAD, pack_to
from core.runs.unpacking import unpack
from core.runs.work import dataset_of, evaluation_of
from core.workspace import Workspace
from tests.core.conftest import Trained
from tests.core.runs.packed import changed, untouched


def test_a_run_comes_over_with_its_photos_and_all_that_was_known(
    pack: Callable[..., Path], run: RunFolder, dataset: Dataset, other: Workspace
) -> None:
    found = unpack(other, pack(), by="me")
    assert (found.run, found.number, found.dataset, found.photos) == (run.id, 1, dataset.id, True)
    there = RunFolder.open(other, found.run)
    assert there.plan() == run.plan()
    assert there.history() == run.history()
    assert there.batches() == run.batches()
    assert evaluation_of(there) == evaluation_of(run)
    assert there.model.read_bytes() == run.model.read_bytes()
    assert (there.path / "test.csv").read_text() == (run.path / "test.csv").read_text()
    assert about_of(there) == About(1, "The good one", "me", "")
    kept, before = (studied.kept_predictions(each, "own-test") for each in (there, run))
    assert kept is not None
    assert before is not None
    assert (kept.images, kept.probabilities.tolist()) == (before.images, before.probabilities.tolist())
    assert [each.id for each in listed(other)] == [run.id]
    photos = dataset_of(other, there.plan())
    assert [item.digest for item in photos.items] == [item.digest for item in dataset.items]
    assert not any(other.incoming.iterdir())


def test_without_photos_a_run_finds_the_same_ones_that_were_taken_in_there(
    pack: Callable[..., Path], photos: Path, other: Workspace
) -> None:
    same = take_in(photos, other, title="Called something else")
    found = unpack(other, pack(photos=False))
    assert (found.dataset, found.photos) == (same.id, False)
    assert RunFolder.open(other, found.run).plan().dataset == same.id


def test_photos_that_are_there_already_are_not_kept_twice(
    pack: Callable[..., Path], photos: Path, other: Workspace
) -> None:
    same = take_in(photos, other)
    assert unpack(other, pack()).dataset == same.id
    assert len(list(other.datasets.iterdir())) == 1


def test_other_photos_of_the_same_id_are_not_taken_for_the_runs(
    pack: Callable[..., Path], workspace: Workspace, dataset: Dataset, other: Workspace
) -> None:
    shutil.copytree(dataset.folder, other.datasets / dataset.id)
    datasets.save(replace(dataset, items=dataset.items[1:]), other.datasets / dataset.id)
    found = unpack(other, pack(photos=False))
    assert found.dataset == ""
    there = RunFolder.open(other, found.run)
    assert there.plan().dataset != dataset.id
    with pytest.raises(NotFound):
        dataset_of(other, there.plan())
    assert unpack(other, pack()).dataset == f"{dataset.id}-2"


def test_a_run_that_is_here_already_is_not_taken_in_twice(
    pack: Callable[..., Path], workspace: Workspace, other: Workspace
) -> None:
    for there in (workspace, other):
        if there is other:
            unpack(other, pack())
        with pytest.raises(BadInput, match="here already") as refused:
            unpack(there, pack())
        assert refused.value.given in ("Run 1", "The good one")
        assert len(listed(there)) == 1


def test_of_a_run_that_is_here_already_the_photos_may_still_come(
    pack: Callable[..., Path], run: RunFolder, dataset: Dataset, other: Workspace
) -> None:
    unpack(other, pack(photos=False))
    found = unpack(other, pack())
    assert (found.run, found.dataset, found.photos) == (f"{run.id}-2", dataset.id, True)


def test_a_run_that_was_trained_further_comes_in_under_another_id(
    pack: Callable[..., Path], run: RunFolder, workspace: Workspace
) -> None:
    source = pack()
    run.write_history(run.history()[:1])
    found = unpack(workspace, source)
    assert (found.run, found.photos) == (f"{run.id}-2", False)
    assert len(listed(workspace)) == 2


def test_a_run_that_goes_on_is_not_taken_in(
    pack: Callable[..., Path], run: RunFolder, other: Workspace
) -> None:
    source = pack(**{"run/status.json": changed(run, "status.json", state="training")})
    with pytest.raises(BadInput, match="not ended"):
        unpack(other, source)


def test_a_run_whose_photos_are_gone_comes_over_without_them(
    workspace: Workspace, run: RunFolder, dataset: Dataset, other: Workspace, tmp_path: Path,
    anew: list[Path],
) -> None:
    shutil.rmtree(dataset.folder)
    pack_to(workspace, run, tmp_path / "bare.zip", photos=False)
    assert unpack(other, tmp_path / "bare.zip").dataset == ""
    assert len(anew) == 1


HOSTILE: dict[str, dict[str, object]] = {
    "no run at all": {HEAD: b"[]"},
    "no head": {HEAD: None},
    "no plan": {"run/plan.json": None},
    "a plan of no backbone": {"run/plan.json": b'{"version": 4, "backbone": "../x"}'},
    "a plan that is no JSON": {"run/plan.json": b"\xff\xfe{"},
    "deep JSON": {"run/plan.json": b"[" * 100_000},
    "no status": {"run/status.json": None},
    "a report of another kind": {"run/report.json": b'{"version": 1, "images": "<script>"}'},
    "a history out of order": {"run/history.csv": b"epoch,phase,loss,accuracy,val_loss,val_accuracy,"
                               b"learning_rate,seconds\n2,fit,1,1,1,1,1,1\n1,fit,1,1,1,1,1,1\n"},
    "a history with a hostile phase": {"run/history.csv": b"epoch,phase,loss,accuracy,val_loss,val_accuracy,"
                                       b"learning_rate,seconds\n1,<b>x</b>,1,1,1,1,1,1\n"},
    "a model that is no zip": {"run/model.keras": b"cbuiltins\neval\n"},
    "a photo that is another": {"dataset/images/000000.png": b"another"},
    "a photo that is missing": {"dataset/images/000000.png": None},
    "a manifest with a path": {"dataset/dataset.json": b'{"version": 1, "items": [["../../x", "a", 0]]}'},
}


@pytest.mark.parametrize("changes", HOSTILE.values(), ids=HOSTILE)
def test_what_is_not_sound_is_refused_and_leaves_nothing(
    pack: Callable[..., Path], other: Workspace, changes: dict[str, object]
) -> None:
    with pytest.raises(BadInput) as refused:
        unpack(other, pack(**changes))
    assert refused.value.what.endswith(".")
    assert untouched(other)


@pytest.mark.parametrize("along", [True, False], ids=["with photos", "without"])
@pytest.mark.parametrize("name", [
    "../../EVIL", "/tmp/evil-of-thaw", "", ".", "..", ".hidden x\n", "a\0b", "a" * 400, "a/b", "Upper", 7,
    None,
])
def test_a_plan_whose_dataset_is_no_id_is_refused(
    pack: Callable[..., Path], run: RunFolder, other: Workspace, tmp_path: Path, name: object, along: bool
) -> None:
    source = pack(photos=along, **{"run/plan.json": changed(run, "plan.json", dataset=name)})
    before = set(tmp_path.rglob("*"))
    with pytest.raises(BadInput):
        unpack(other, source)
    assert untouched(other)
    assert {path for path in tmp_path.rglob("*") if path.name != "__pycache__"} <= before
    assert not Path("/tmp/evil-of-thaw").exists()


@pytest.mark.parametrize("wanted", ["../x", "", "a" * 100])
def test_no_folder_gets_a_name_that_is_no_id(tmp_path: Path, wanted: str) -> None:
    with pytest.raises(BadInput):
        unpacking._renamed_into(tmp_path / "parent", tmp_path / "folder", wanted)


@pytest.mark.parametrize("version", [True, 0, -1, "1", None])
def test_a_head_that_says_no_version_is_none(
    pack: Callable[..., Path], other: Workspace, version: object
) -> None:
    with pytest.raises(BadInput, match="no run of Thaw"):
        unpack(other, pack(**{HEAD: json.dumps({"format": version}).encode()}))


def test_a_run_of_a_newer_version_says_so(pack: Callable[..., Path], other: Workspace) -> None:
    with pytest.raises(BadInput, match="newer version"):
        unpack(other, pack(**{HEAD: b'{"format": 2}'}))
    assert untouched(other)


def test_files_with_other_names_go_nowhere(
    pack: Callable[..., Path], other: Workspace, tmp_path: Path
) -> None:
    found = unpack(other, pack(**{
        "run/../../../evil": b"x", "/etc/evil": b"x", "run/lock": b"x", "run/checkpoint/last.npz": b"x",
        "run/studies/../evil.npz": b"x", "run/studies/temperature.json": b"{}", "dataset/images/..": b"x",
        "run/events/x": b"x",
    }))
    folder = RunFolder.open(other, found.run)
    names = {str(path.relative_to(folder.path)) for path in folder.path.rglob("*") if path.is_file()}
    assert names == {
        "plan.json", "status.json", "about.json", "report.json", "history.csv", "batches.csv", "test.csv",
        "model.keras", "studies/predictions-own-test.npz",
    }
    assert not list(tmp_path.rglob("evil*"))


def test_a_zip_that_unpacks_to_far_more_than_its_size_is_left(
    pack: Callable[..., Path], other: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = pack()
    with zipfile.ZipFile(source, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("dataset/images/999999.png", b"0" * 3_000_000)
    monkeypatch.setattr(unpacking, "RATIO_FREE_BYTES", 1_000_000)
    monkeypatch.setattr(unpacking, "MAX_RATIO", 2)
    with pytest.raises(BadInput, match="far more"):
        unpack(other, source)
    assert untouched(other)


def test_a_file_that_is_too_large_is_left(
    pack: Callable[..., Path], other: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(unpacking._TEXT_BYTES, ".json", 100)
    with pytest.raises(BadInput, match="too large"):
        unpack(other, pack())
    assert untouched(other)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"no zip"])
def test_what_is_no_zip_is_refused(other: Workspace, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.zip").write_bytes(content)
    with pytest.raises(BadInput, match="no run of Thaw"):
        unpack(other, tmp_path / "x.zip")


def test_a_file_that_is_not_there_is_said(other: Workspace, tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        unpack(other, tmp_path / "nothing.zip")


def test_it_can_be_cancelled_and_leaves_nothing(pack: Callable[..., Path], other: Workspace) -> None:
    def cancel(phase: str, _done: int, _total: int | None) -> None:
        if phase == "Checking the photos":
            raise Stopped("It was cancelled.")

    with pytest.raises(Stopped):
        unpack(other, pack(), progress=cancel)
    assert untouched(other)


def test_at_the_last_call_nothing_of_it_has_appeared_and_it_may_still_be_left(
    pack: Callable[..., Path], other: Workspace
) -> None:
    def last_call() -> None:
        assert not any(any(folder.iterdir()) for folder in (other.runs, other.datasets))
        raise Stopped("It was cancelled.")

    with pytest.raises(Stopped):
        unpack(other, pack(), last_call=last_call)
    assert untouched(other)


def test_where_the_run_cannot_appear_its_photos_do_not_either(
    pack: Callable[..., Path], other: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_given: object) -> int:
        raise BadInput("No number.")

    monkeypatch.setattr(unpacking, "next_number", full)
    with pytest.raises(BadInput, match="No number"):
        unpack(other, pack())
    assert untouched(other)


@pytest.mark.slow
def test_a_real_run_is_taken_in_and_its_model_answers(trained: Trained, tmp_path: Path) -> None:
    from core.insight.predict import loaded, predict

    other = Workspace.open(tmp_path / "other")
    pack_to(trained.workspace, trained.run, tmp_path / "run.zip", photos=True)
    there = RunFolder.open(other, unpack(other, tmp_path / "run.zip").run)
    photo = trained.dataset.file(trained.dataset.items[0])
    (said,), (own,) = predict(loaded(there.model), [photo]), predict(loaded(trained.run.model), [photo])
    assert isinstance(said, list)
    assert isinstance(own, list)
    assert [each.name for each in said] == [each.name for each in own]
    # Two calls of one network may round otherwise, depending on how its threads divide the work.
    assert [each.probability for each in said] == pytest.approx([each.probability for each in own], abs=1e-5)
    assert evaluation_of(there) == evaluation_of(trained.run)
    assert there.history() == trained.run.history()
