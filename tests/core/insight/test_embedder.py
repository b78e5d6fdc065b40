from __future__ import annotations

import numpy as np
import pytest

from core.insight.embedder import embedder
from core.training.plan import Head, Plan
from core.training.start import RANDOM, Start

pytestmark = pytest.mark.slow
SIZE = 64


@pytest.mark.parametrize("head", [Head(), Head(pooling="max", hidden=4), Head(pooling="flatten")])
def test_features_are_the_averages_of_the_backbones_output_whatever_the_head(head: Head) -> None:
    import keras

    from core.training.model import assemble, body_of

    plan = Plan("d", "d", "efficientnet-lite0", image_size=SIZE, weights=Start(RANDOM), head=head)
    model = assemble(plan, 3)
    images = np.random.default_rng(1).integers(0, 256, (5, SIZE, SIZE, 3), dtype=np.uint8)
    features, chances = embedder(model)(images)
    body = body_of(model)
    inside = keras.Model(model.input, model.get_layer(body.name)._inbound_nodes[-1].outputs[0])
    expected = np.asarray(inside(images.astype(np.float32), training=False)).mean(axis=(1, 2))
    np.testing.assert_allclose(features, expected, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(
        chances, np.asarray(model(images.astype(np.float32), training=False)), atol=1e-4)
