"""What tests of packed runs share: models that only look like some, and runs with entries changed."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

from core.runs.folder import RunFolder
from core.workspace import Workspace

KERAS_CONFIG: dict[str, Any] = {
    "module": "keras.src.models.functional", "class_name": "Functional", "config": {},
}


def write_model(path: Path, config: object = None, packing: int = zipfile.ZIP_STORED, **extra: str) -> None:
    """Write what looks like a saved model from outside."""
    with zipfile.ZipFile(path, "w", packing) as archive:
        archive.writestr("config.json", json.dumps(KERAS_CONFIG if config is None else config))
        archive.writestr("metadata.json", "{}")
        archive.writestr("model.weights.h5", b"numbers")
        archive.writestr("thaw_classes.json", json.dumps(["blue", "red"]))
        archive.writestr("thaw_epoch.json", "2")
        for name, text in extra.items():
            archive.writestr(name, text)


def changed(run: RunFolder, name: str, **changes: object) -> bytes:
    """Return a JSON file of a run with some of it changed."""
    return json.dumps({**json.loads((run.path / name).read_text()), **changes}).encode()


def untouched(workspace: Workspace) -> bool:
    """Tell whether nothing was left of what was taken in."""
    folders = (workspace.runs, workspace.datasets, workspace.incoming)
    return not any(any(folder.iterdir()) for folder in folders)
