from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.errors import BadInput, Unavailable
from core.export import opened as opening
from core.export.convert import convert
from core.export.formats import FORMATS, missing
from core.export.opened import opened

HERE = [name for name, form in FORMATS.items() if not missing(form)]
pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", HERE)
def test_a_form_answers_as_the_model_that_it_was_made_of(name: str, tmp_path: Path) -> None:
    import keras

    model = keras.Sequential([
        keras.Input((8, 8, 3)), keras.layers.Rescaling(1 / 255), keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(2, "softmax"),
    ])
    source, form = tmp_path / "source.keras", FORMATS[name]
    model.save(source)
    images = np.random.default_rng(1).integers(0, 256, (5, 8, 8, 3)).astype(np.uint8)
    convert(form, source, model, ("a", "b"), tmp_path / form.file, images)
    said = opened(form, tmp_path / form.file)(images)
    assert said.shape == (5, 2)
    assert np.abs(said - model.predict_on_batch(images)).max() <= form.difference


@pytest.mark.parametrize("name", HERE)
def test_what_cannot_be_opened_is_said(name: str, tmp_path: Path) -> None:
    (tmp_path / FORMATS[name].file).write_bytes(b"no model")
    with pytest.raises(BadInput, match="cannot be opened here"):
        opened(FORMATS[name], tmp_path / FORMATS[name].file)


def test_want_of_memory_is_not_the_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_path: Path) -> None:
        raise MemoryError

    monkeypatch.setattr(opening, "_keras", fail)
    with pytest.raises(Unavailable):
        opened(FORMATS["keras"], tmp_path / "model.keras")
