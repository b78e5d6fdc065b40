from __future__ import annotations

import io
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from core.data.images import load_array
from core.errors import BadInput, RunFailed, Stopped, Unavailable
from core.insight import answering as module
from core.insight import predict as insight
from core.insight.answering import BATCH, Answering, Said, answering, say
from core.insight.predict import Loaded

SIZE = 16


class Network:
    """Stands in for a graph: the mean red is the chance of the first class."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.gone = False

    def __call__(self, images: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        assert not self.gone
        self.batches.append(len(images))
        red = images[..., 0].mean(axis=(1, 2)).astype(np.float32) / 255
        return [np.stack([red, 1 - red], axis=1)]


@pytest.fixture
def networks(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Network]]:
    """Networks in the order that they are made, for models that are nothing but their paths."""
    made: list[Network] = []
    models: dict[Path, Loaded] = {}

    def network(_model: Loaded) -> Network:
        made.append(Network())
        return made[-1]

    def loaded(path: Path) -> Loaded:
        return models.setdefault(path, Loaded(object(), ("red", "other"), SIZE))

    monkeypatch.setattr(module, "network", network)
    monkeypatch.setattr(module, "let_go", lambda each: setattr(each, "gone", True))
    monkeypatch.setattr(insight, "loaded", loaded)
    yield made
    module._kept.clear()


def photo(red: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (40, 30), (red, 0, 0)).save(buffer, "PNG")
    return buffer.getvalue()


def said_of(files: list[Any]) -> dict[int, Said]:
    said: dict[int, Said] = {}
    with answering(Path("a")) as ask:
        say(ask, files, said.__setitem__)
    return said


def test_a_model_is_made_ready_once_and_the_last_two_stay(networks: list[Network]) -> None:
    for name in "abab":
        with answering(Path(name)):
            pass
    assert len(networks) == 2
    with answering(Path("c")):
        pass
    assert [each.gone for each in networks] == [True, False, False]


def test_a_model_that_is_in_use_is_let_go_only_afterwards(networks: list[Network]) -> None:
    with answering(Path("a")) as ask:
        for name in "bc":
            with answering(Path(name)):
                pass
        assert ask(np.zeros((1, SIZE, SIZE, 3), np.uint8)).shape == (1, 2)
    assert [each.gone for each in networks] == [True, False, False]


def test_a_model_file_that_was_replaced_is_made_ready_anew(
    networks: list[Network], monkeypatch: pytest.MonkeyPatch
) -> None:
    with answering(Path("a")):
        pass
    monkeypatch.setattr(insight, "loaded", lambda _path: Loaded(object(), ("red", "other"), SIZE))
    with answering(Path("a")):
        pass
    assert [each.gone for each in networks] == [True, False]


def test_what_is_no_image_is_answered_with_its_problem_and_the_others_in_place(
    networks: list[Network], tmp_path: Path
) -> None:
    path = tmp_path / "red.png"
    path.write_bytes(photo(255))
    said = said_of([io.BytesIO(photo(0)), io.BytesIO(b"no picture"), path, tmp_path / "none.png"])
    assert [None if each.chances is None else each.chances.tolist() for each in said.values()] == [
        [0.0, 1.0], None, [1.0, 0.0], None]
    assert [isinstance(each.problem, BadInput) for each in said.values()] == [False, True, False, True]
    with Image.open(io.BytesIO(said[2].picture)) as picture:
        assert (picture.format, picture.size) == ("JPEG", (96, 96))


def test_nothing_but_bad_files_never_asks_the_network(networks: list[Network]) -> None:
    assert said_of([io.BytesIO(b"no picture")])[0].chances is None
    assert networks[0].batches == []
    assert said_of([]) == {}


def test_a_photo_is_seen_as_training_saw_it(networks: list[Network], tmp_path: Path) -> None:
    path = tmp_path / "large.jpg"
    noise = np.random.default_rng(1).integers(0, 256, (300, 500, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path, quality=90)
    chances = said_of([path])[0].chances
    assert chances is not None
    assert chances[0] == pytest.approx(load_array(path, SIZE)[..., 0].mean() / 255, abs=1e-6)


def test_what_was_said_before_a_stop_stays(networks: list[Network]) -> None:
    files = [io.BytesIO(photo(0)) for _each in range(3 * BATCH)]
    said: dict[int, Said] = {}
    told: list[tuple[int, int | None]] = []

    def progress(_phase: str, done: int, total: int | None) -> None:
        told.append((done, total))
        if done:
            raise Stopped("Enough.")

    with answering(Path("a")) as ask, pytest.raises(Stopped):
        say(ask, files, said.__setitem__, progress)
    assert sorted(said) == list(range(BATCH))
    assert told == [(0, 3 * BATCH), (BATCH, 3 * BATCH)]


def test_many_photos_are_answered_in_order(networks: list[Network]) -> None:
    said = said_of([io.BytesIO(photo(value)) for value in range(2 * BATCH + 3)])
    assert networks[0].batches == [BATCH, BATCH, 3]
    reds = [round(255 * float(each.chances[0])) for each in said.values() if each.chances is not None]
    assert reds == list(range(2 * BATCH + 3))


def test_an_answer_that_is_no_number_is_an_error(networks: list[Network]) -> None:
    with answering(Path("a")) as ask:
        ask._network = lambda images: [np.full((len(images), 2), np.nan, np.float32)]
        with pytest.raises(RunFailed):
            ask(np.zeros((1, SIZE, SIZE, 3), np.uint8))


def test_without_tensorflow_it_says_what_to_install(
    networks: list[Network], monkeypatch: pytest.MonkeyPatch
) -> None:
    def loaded(_path: Path) -> Loaded:
        raise ImportError("No module named 'tensorflow'")

    monkeypatch.setattr(insight, "loaded", loaded)
    with pytest.raises(Unavailable, match="TensorFlow"), answering(Path("a")):
        pass


def test_several_threads_may_ask_at_once(networks: list[Network]) -> None:
    found: list[NDArray[np.float32]] = []

    def asking() -> None:
        for _each in range(20):
            with answering(Path("a")) as ask:
                found.append(ask(np.zeros((1, SIZE, SIZE, 3), np.uint8)))

    threads = [threading.Thread(target=asking) for _each in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(found) == 80
    assert len(networks) == 1


def test_a_model_that_is_ready_answers_while_another_is_made_ready(
    networks: list[Network], monkeypatch: pytest.MonkeyPatch
) -> None:
    with answering(Path("a")):
        pass
    begun, go_on = threading.Event(), threading.Event()
    first = module.network

    def slow(model: Loaded) -> Any:
        begun.set()
        assert go_on.wait(60)
        return first(model)

    def ask_b() -> None:
        with answering(Path("b")):
            pass

    monkeypatch.setattr(module, "network", slow)
    waiting = [threading.Thread(target=ask_b) for _each in range(2)]
    for each in waiting:
        each.start()
    assert begun.wait(60)
    answered = threading.Thread(target=said_of, args=([io.BytesIO(photo(0))],))
    answered.start()
    answered.join(60)
    assert not answered.is_alive()
    go_on.set()
    for each in waiting:
        each.join()
    assert len(networks) == 2


def test_a_model_that_could_not_be_made_ready_is_tried_again(
    networks: list[Network], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_model: Loaded) -> Network:
        raise ImportError("No module named 'tensorflow'")

    with monkeypatch.context() as patch:
        patch.setattr(module, "network", broken)
        with pytest.raises(Unavailable), answering(Path("a")):
            pass
    assert said_of([io.BytesIO(photo(0))])[0].problem is None


@pytest.mark.slow
def test_the_graph_says_what_the_model_says_and_its_memory_comes_back(trained: Any) -> None:
    photos = [trained.dataset.file(item) for item in trained.dataset.items[:5]]
    model = insight.loaded(trained.run.model)
    images = np.stack([load_array(path, model.size) for path in photos])
    ask = Answering(model)
    np.testing.assert_allclose(ask(images), model.keras.predict_on_batch(images), atol=1e-5)
    ask.retire()
    assert "tensorflow" in sys.modules
    with answering(trained.run.model) as again:
        np.testing.assert_allclose(again(images[:1]), model.keras.predict_on_batch(images[:1]), atol=1e-5)


@pytest.mark.zoo
@pytest.mark.parametrize("backbone", ["nasnetmobile", "mobilenetv3small"])
def test_the_graph_of_another_family_says_what_its_model_says(backbone: str) -> None:
    from core.training.backend import load_tensorflow
    from core.training.model import assemble
    from core.training.plan import Plan
    from core.training.start import RANDOM, Start

    load_tensorflow()
    keras_model = assemble(Plan("d", "d", backbone, weights=Start(RANDOM), image_size=96), 3)
    model = Loaded(keras_model, ("a", "b", "c"), 96)
    images = np.random.default_rng(2).integers(0, 256, (3, 96, 96, 3), dtype=np.uint8)
    ask = Answering(model)
    np.testing.assert_allclose(ask(images), keras_model.predict_on_batch(images), atol=1e-4)
    ask.retire()
