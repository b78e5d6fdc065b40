"""A few photos for trainings that are quickly over."""

from __future__ import annotations

from pathlib import Path

import pytest
import reusing

from core.data.dataset import Dataset
from core.data.intake import take_in
from core.workspace import Workspace
from tests.conftest import make_photos


@pytest.fixture(scope="module")
def few_photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_photos(tmp_path_factory.mktemp("few") / "colours", each=reusing.EACH)


@pytest.fixture
def data(few_photos: Path, workspace: Workspace) -> Dataset:
    """16 photos to learn from, 4 to validate, 4 to test."""
    return take_in(few_photos, workspace)
