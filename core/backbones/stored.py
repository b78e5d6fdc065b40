"""Where pretrained weights are kept: in a pip package, or in Keras' cache after a download."""

from __future__ import annotations

import importlib.util
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

_KEPT_NAME = re.compile(r"[0-9a-f]{12}(?:-[a-z0-9-]{1,40})?\.(?:weights\.h5|h5|hdf5|keras|pth)")
ARRIVING, ARRIVES_IN = ".arriving-", "models"
PRETRAINED, RANDOM = "pretrained", "none"
State = Literal["ready", "missing", "download"]


@dataclass(frozen=True)
class PackagedWeights:
    """A weight file that arrives with a pip package.

    Attributes:
        package: The name to give to pip.
        module: The top-level module that the package installs.
        file: The weight file, relative to the module's folder.
        sha256: What the file's sha256 must be, in hex.
    """

    package: str
    module: str
    file: str
    sha256: str
    source: Literal["packaged"] = "packaged"

    def path(self) -> Path | None:
        """Return where the file is, or ``None`` where the package is not installed."""
        # NOTE: find_spec looks the module up without running any of its code.
        spec = importlib.util.find_spec(self.module)
        if spec is None or spec.origin is None:
            return None
        path = Path(spec.origin).parent / self.file
        return path if path.is_file() else None

    @property
    def state(self) -> State:
        """``ready`` where the file is on this machine, else ``missing``."""
        return "ready" if self.path() else "missing"


@dataclass(frozen=True)
class HostedWeights:
    """A weight file that ``keras.applications`` downloads at first use.

    Attributes:
        file: Its name in Keras' cache.
        url: Where it is fetched from.
        hash: What its md5 (32 hex digits) or sha256 (64) must be; ``None`` where Keras knows none.
        bytes: About how large it is: four bytes a parameter.
    """

    file: str
    url: str
    hash: str | None
    bytes: int
    source: Literal["imagenet"] = "imagenet"

    def path(self) -> Path | None:
        """Return where the file is, or ``None`` where it is in none of Keras' caches."""
        for folder in keras_caches():
            path = folder / self.file
            if path.is_file():
                return path
        return None

    def place_in(self, folder: Path) -> Path:
        """Return where the file is while it is downloaded into ``folder``."""
        return folder / ARRIVES_IN / self.file

    def arriving(self) -> list[Path]:
        """Return where the file may be while any process downloads it into the cache."""
        return [self.place_in(each) for each in keras_caches()[0].glob(ARRIVING + "*")]

    def share_of(self, path: Path) -> float:
        """Return about which share of the file has arrived at ``path``; never quite all."""
        try:
            return min(0.99, path.stat().st_size / self.bytes)
        except FileNotFoundError:  # nothing yet, or it has just gone to its place
            return 0.0

    @property
    def state(self) -> State:
        """``ready`` where the file is in Keras' cache, else ``download``."""
        return "ready" if self.path() else "download"


def keras_caches() -> tuple[Path, ...]:
    """Return the folders in which Keras' weight files are looked for, the one written to first.

    The first is under ``KERAS_HOME`` (the workspace's cache, unless it was set); the second is where
    Keras puts them when nobody tells it otherwise, and is only read.
    """
    home = Path.home() / ".keras"
    folders = (Path(os.environ.get("KERAS_HOME") or home) / "models", home / "models")
    return tuple(dict.fromkeys(folders))


def is_weights_name(name: str) -> bool:
    """Tell whether ``name`` is one that the workspace gives to a weight file it keeps."""
    return _KEPT_NAME.fullmatch(name) is not None
