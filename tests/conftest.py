"""What all tests share: a workspace of their own, photos made on the spot."""

from __future__ import annotations

import gc
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pytest
from PIL import Image

from core.data import dataset as datasets
from core.data.dataset import Dataset
from core.data.intake import take_in
from core.workspace import Workspace

COLOURS = {"blue": (30, 60, 200), "green": (40, 160, 60), "red": (200, 40, 40)}


def pytest_collection_finish() -> None:
    """Let no later search for garbage look through what imports have made: TensorFlow is half a second."""
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def unhurried_disk() -> Iterator[None]:
    """Let nobody wait until the disk has a file: a power cut would lose the tests as well."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _file: None)
        yield


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


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ``photos`` is a copy of; leave it as it is."""
    return make_photos(tmp_path_factory.mktemp("drawn") / "colours")


@pytest.fixture
def photos(drawn: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(drawn, tmp_path / "colours"))


@pytest.fixture(scope="session")
def taken_in(drawn: Path, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """What ``dataset`` is a copy of; leave it as it is."""
    return take_in(drawn, Workspace.open(tmp_path_factory.mktemp("taken") / "workspace"))


@pytest.fixture
def dataset(taken_in: Dataset, workspace: Workspace) -> Dataset:
    """16 photos in two classes, taken in: at least one of each class in every split."""
    return datasets.load(Path(shutil.copytree(taken_in.folder, workspace.datasets / taken_in.id)))
