"""The core's service over an empty workspace, for the routes to find."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from core.service import Service, install
from core.workspace import Workspace


@pytest.fixture
def service(workspace: Workspace) -> Iterator[Service]:
    made = Service(workspace)
    install(made)
    yield made
    install(None)
