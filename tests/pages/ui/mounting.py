"""What components pass to the browser, caught on the way."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest


def mounted_by(module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Return a list that each component of a module is added to when it is drawn: its name and its data."""
    passed: list[dict[str, Any]] = []

    def register(name: str, **_options: object) -> Any:
        return lambda **given: passed.append({"component": name, **given["data"]})

    monkeypatch.setattr(module, "register", register)
    return passed
