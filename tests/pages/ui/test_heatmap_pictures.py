from __future__ import annotations

import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from core.errors import BadInput, Stopped
from core.insight import heatmap, predict
from core.insight.heatmap import SAID, Heatmaps
from core.insight.predict import Loaded
from core.runs.folder import RunFolder
from core.runs.listing import Listed
from core.runs.status import State, Status
from core.training.plan import Plan
from pages.ui import heatmap_pictures
from pages.ui.heatmap_pictures import EDGE, explained, kept_explained, kept_unlearned, unlearned


class Looks:
    """Stands in for an explainer: its own map rises to the right, that of each random head to the left."""

    def __init__(self, empty: bool = False) -> None:
        self.asked: list[tuple[str, str, tuple[int, ...]]] = []
        self.empty = empty

    def heatmaps(self, images: np.ndarray, classes: list[int], *, head: Any = None) -> Heatmaps:
        assert images.shape == (1, 24, 24, 3)
        rising = np.tile(np.linspace(0, 1, 6, dtype=np.float32), (1, 6, 1))
        shown = rising * 0 if self.empty else rising if head is None else rising[..., ::-1]
        chosen = np.asarray([1 if each == SAID else each for each in classes], np.int32)
        self.asked.append(("own" if head is None else "random", "", tuple(classes)))
        return Heatmaps(shown, chosen, np.asarray([[0.25, 0.75]], np.float32))

    def random_head(self, seed: int) -> tuple[int]:
        return (seed,)


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> Looks:
    made = Looks()
    monkeypatch.setattr(heatmap, "explainer", lambda _model, _backbone, _block: made)
    monkeypatch.setattr(predict, "loaded", lambda _path: Loaded(SimpleNamespace(), ("a", "b"), 24))
    heatmap_pictures._explained.clear()
    heatmap_pictures._unlearned.clear()
    return made


@pytest.fixture
def run(tmp_path: Path) -> Listed:
    folder = RunFolder(tmp_path / "run")
    folder.path.mkdir()
    folder.model.write_bytes(b"a model")
    status = Status(State.FINISHED, epochs=1, created=0.0)
    return Listed(1, folder, Plan("d", "d", "efficientnet-lite0"), status)


def photo(width: int = 600, height: int = 300) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), (90, 120, 150)).save(buffer, "PNG")
    return buffer.getvalue()


def opened(picture: bytes) -> Image.Image:
    return Image.open(io.BytesIO(picture))


def test_photo_and_overlay_are_whole_and_of_one_size(run: Listed, looks: Looks) -> None:
    found = explained(run, photo(), "digest", "top", SAID)
    assert opened(found.photo).size == opened(found.overlay).size == (EDGE, EDGE // 2)
    assert (found.chosen, found.said, found.empty) == (1, 1, False)
    pixels = np.asarray(opened(found.overlay)).astype(int).sum(axis=-1)
    assert pixels[:, -20:].mean() > pixels[:, :20].mean() + 100


def test_the_model_is_asked_once_for_the_same_photo_block_and_class(run: Listed, looks: Looks) -> None:
    for _each in range(2):
        explained(run, photo(), "one", "top", SAID)
    assert len(looks.asked) == 1
    explained(run, photo(), "two", "top", SAID)
    explained(run, photo(), "one", "block3", SAID)
    explained(run, photo(), "one", "top", 0)
    assert len(looks.asked) == 4
    run.folder.model.write_bytes(b"another model, trained further")
    explained(run, photo(), "one", "top", SAID)
    assert len(looks.asked) == 5


def test_heads_of_random_weights_are_compared_with_the_models_own_for_the_same_class(
    run: Listed, looks: Looks
) -> None:
    own = explained(run, photo(), "digest", "top", 0)
    found = unlearned(run, photo(), "digest", "top", own)
    assert found.likeness == pytest.approx((-1.0,) * heatmap_pictures.DRAWS)
    assert [kind for kind, _block, _classes in looks.asked] == ["own", *["random"] * heatmap_pictures.DRAWS]
    assert {classes for _kind, _block, classes in looks.asked} == {(0,)}
    pixels = np.asarray(opened(found.overlay)).astype(int).sum(axis=-1)
    assert pixels[:, :20].mean() > pixels[:, -20:].mean() + 100


def test_an_empty_map_is_known_as_one_and_compares_with_nothing(run: Listed, looks: Looks) -> None:
    looks.empty = True
    own = explained(run, photo(), "digest", "top", SAID)
    assert own.empty
    assert unlearned(run, photo(), "digest", "top", own).likeness == ()


def test_only_what_was_drawn_last_is_kept_and_asking_for_it_draws_nothing(
    run: Listed, looks: Looks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heatmap_pictures, "KEPT", 2)
    assert kept_explained(run, "0", "top", SAID) is None
    made = [explained(run, photo(), str(n), "top", SAID) for n in range(2)]
    assert kept_explained(run, "0", "top", SAID) is made[0]
    explained(run, photo(), "2", "top", SAID)
    assert [kept_explained(run, str(n), "top", SAID) is None for n in range(3)] == [False, True, False]
    assert kept_unlearned(run, "0", "top", 1) is None
    other = unlearned(run, photo(), "0", "top", made[0])
    assert kept_unlearned(run, "0", "top", 1) is other
    assert len(looks.asked) == 3 + heatmap_pictures.DRAWS


def test_a_stop_leaves_between_two_random_heads(run: Listed, looks: Looks) -> None:
    own = explained(run, photo(), "digest", "top", 0)

    def stop() -> None:
        if len(looks.asked) == 3:
            raise Stopped("It was cancelled.")

    with pytest.raises(Stopped):
        unlearned(run, photo(), "digest", "top", own, stop)
    assert kept_unlearned(run, "digest", "top", 0) is None


def test_a_photo_may_be_a_file_and_one_that_is_none_is_refused(
    run: Listed, looks: Looks, tmp_path: Path
) -> None:
    file = tmp_path / "photo.png"
    file.write_bytes(photo())
    assert explained(run, file, "digest", "top", SAID) == explained(run, photo(), "other", "top", SAID)
    with pytest.raises(BadInput):
        explained(run, b"no photo", "third", "top", SAID)
