"""The features that a backbone makes of photos: its last output, averaged over the picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from core.training.extract import PrefixRun


def embedder(model: Any) -> PrefixRun:
    """Return what turns images into features and what the model says of them.

    Args:
        model: A classifier of :func:`core.training.model.assemble`, also a loaded one.

    Returns:
        A function of ``(n, size, size, 3)`` uint8 that returns ``(n, channels)`` features, whatever the head
        pools with, and ``(n, classes)`` probabilities, both float32.
    """
    import keras

    from core.training.extract import PrefixRun
    from core.training.model import body_of

    body = body_of(model)
    # NOTE: of the call within this model: a backbone remembers its own output tensor as well.
    inside = model.get_layer(body.name)._inbound_nodes[-1].outputs[0]
    averaged = keras.layers.GlobalAveragePooling2D(name="embedding")(inside)
    return PrefixRun(keras.Model(model.input, [averaged, model.output]), int(model.input_shape[1]))
