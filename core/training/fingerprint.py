"""What tells two sets of weights apart."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

import numpy as np


def fingerprint(variables: Iterable[Any]) -> str:
    """Return a hash of weights themselves, in hex: whatever they came from, equal ones have the same.

    Args:
        variables: Keras variables, in order.
    """
    found = hashlib.sha256()
    for variable in variables:
        value = np.ascontiguousarray(variable.numpy())
        found.update(f"{value.shape}{value.dtype}".encode())
        found.update(value.tobytes())
    return found.hexdigest()
