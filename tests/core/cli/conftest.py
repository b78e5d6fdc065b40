"""What the tests of the commands share: a training that is over at once."""

from __future__ import annotations

import pytest
from cli_calls import Engine

from core.training import engine


@pytest.fixture
def trainer(monkeypatch: pytest.MonkeyPatch) -> Engine:
    made = Engine()
    monkeypatch.setattr(engine, "train", made)
    return made
