"""What the tests of loading weights share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from core.backbones.catalogue import Backbone
from core.backbones.load_weights import from_file
from core.errors import BadInput

if TYPE_CHECKING:
    import keras


def numbers(model: keras.Model) -> bytes:
    return b"".join(np.asarray(weight).tobytes() for weight in model.weights)


def refused(model: keras.Model, backbone: Backbone, path: Path) -> BadInput:
    """Hold that a file is refused and the model left as it was; returns the error."""
    before = numbers(model)
    with pytest.raises(BadInput) as caught:
        from_file(model, backbone, path)
    assert numbers(model) == before
    return caught.value
