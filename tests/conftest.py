"""What all tests share: a workspace of their own, photos made on the spot."""

from __future__ import annotations

import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pytest
from PIL import Image

from core.data.dataset import Dataset
from core.data.intake import take_in
from core.workspace import Workspace

COLOURS = {"blue": (30, 60, 200), "green": (40, 160, 60), "red": (200, 40, 40)}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.open(tmp_path / "workspace")


def make_photos(folder: Path, each: int = 8, classes: tuple[str, ...] = ("blue", "red")) -> Path:
    """Write ``each`` small noisy photos a class, in a folder a class."""
    random = np.random.default_rng(7)
    for name in classes:
        (folder / name).mkdir(parents=True, exist_ok=True)
        for index in range(each):
            noise = random.integers(-25, 26, (48, 64, 3))
            pixels = np.clip(np.asarray(COLOURS[name]) + noise, 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{name}{index:03}.png")
    return folder


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return make_photos(tmp_path / "colours")


@pytest.fixture
def dataset(photos: Path, workspace: Workspace) -> Dataset:
    """16 photos in two classes, taken in: at least one of each class in every split."""
    return take_in(photos, workspace)
