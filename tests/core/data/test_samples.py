from __future__ import annotations

import numpy as np
import pytest

from core.data import flowers, images, samples
from core.data.samples import SAMPLES, take_in_sample
from core.errors import NotFound, Stopped, Unavailable
from core.workspace import Workspace


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return Workspace.open(tmp_path_factory.mktemp("samples"))


@pytest.mark.parametrize("name", ["digits", pytest.param("textile", marks=pytest.mark.slow)])
def test_a_sample_holds_what_it_says(name: str, shared: Workspace) -> None:
    sample = SAMPLES[name]
    taken = take_in_sample(name, shared)
    assert len(taken.items) == sample.images
    assert len(taken.classes) == sample.classes
    assert taken.problems == ()
    assert taken.id == f"sample-{name}"
    assert taken.source == f"sample:{name}"
    assert not sample.needs_network
    assert take_in_sample(name, shared) is taken
    assert list(shared.incoming.iterdir()) == []


def test_digits_are_bright_strokes_on_black(shared: Workspace) -> None:
    taken = take_in_sample("digits", shared)
    assert taken.classes == tuple("0123456789")
    item = taken.items[0]
    assert (item.width, item.height) == (64, 64)
    array = images.load_array(taken.file(item), 64)
    assert array[:4, :4].max() < 40
    assert array.max() > 200
    assert np.ptp(array.astype(int), axis=2).max() == 0


def stop(_phase: str, done: int, _total: int | None) -> None:
    if done == 5:
        raise Stopped("Enough.")


def test_a_cancelled_sample_leaves_nothing_behind(workspace: Workspace) -> None:
    with pytest.raises(Stopped):
        take_in_sample("digits", workspace, stop)
    assert list(workspace.datasets.iterdir()) == []
    assert list(workspace.incoming.iterdir()) == []


def test_a_damaged_sample_is_made_again_and_not_shown(workspace: Workspace) -> None:
    folder = workspace.datasets / "sample-digits"
    folder.mkdir()
    (folder / "dataset.json").write_text("{")
    with pytest.raises(Stopped):
        take_in_sample("digits", workspace, stop)
    assert not folder.exists()


def test_an_unknown_sample_names_the_nearest() -> None:
    with pytest.raises(NotFound, match="Did you mean digits"):
        samples.get("digit")


def test_flowers_without_a_network_are_unavailable(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = flowers.Archive("http://127.0.0.1:9/x", "x.tgz", ("a",), 1, attempts=1, pause=0.01)
    monkeypatch.setattr(flowers, "FLOWERS", nowhere)
    with pytest.raises(Unavailable):
        take_in_sample("flowers", workspace)
    assert SAMPLES["flowers"].needs_network
