"""Tell whether a saved EfficientNet scales its input a second time, as Keras' ImageNet ones do."""

from __future__ import annotations

import json
from collections.abc import Sequence
from math import isclose, sqrt
from typing import Any

SPREAD = (0.229, 0.224, 0.225)  # of ImageNet's photos in 0..1


def scales_again(config: str, beside: Sequence[str]) -> bool:
    """Tell whether a model divides by the square root of the photos' spread once more.

    Args:
        config: The model's configuration as JSON, which is only looked through; may be empty.
        beside: The names of its layers, which count where there is no configuration: two Rescaling
            layers are taken for the backbone's own.
    """
    try:
        waiting: list[Any] = [json.loads(config)]
    except (ValueError, RecursionError):
        return sum(name.startswith("rescaling") for name in beside) > 1
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            if part.get("class_name") == "Rescaling" and _is_the_second(part.get("config")):
                return True
            waiting.extend(part.values())
        elif isinstance(part, list):
            waiting.extend(part)
    return False


def _is_the_second(config: Any) -> bool:
    scale = config.get("scale") if isinstance(config, dict) else None
    return (
        isinstance(scale, list) and len(scale) == len(SPREAD)
        and all(isinstance(each, int | float) for each in scale)
        and all(isclose(each, 1 / sqrt(spread), rel_tol=1e-3)
                for each, spread in zip(scale, SPREAD, strict=True))
    )
