"""The one folder that holds everything of a user's: datasets, runs, caches, drafts."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from core.errors import NotFound, Unavailable
from core.files import slug
from core.i18n import _

_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,79}")


def is_id(text: str) -> bool:
    """Tell whether ``text`` has the form of an id of ours, and so is safe as a folder's name."""
    return _ID.fullmatch(text) is not None


@dataclass(frozen=True)
class Workspace:
    """Where things live. Make one with :meth:`open`.

    Attributes:
        root: The absolute path of the workspace folder.
    """

    root: Path

    @classmethod
    def open(cls, path: str | Path | None = None) -> Workspace:
        """Open the workspace, making its folders where they are missing.

        Args:
            path: The folder; ``None`` takes ``THAW_HOME``, else ``./workspace``.

        Raises:
            Unavailable: The folder cannot be made or written.
        """
        chosen = Path(path or os.environ.get("THAW_HOME") or "workspace").expanduser().absolute()
        workspace = cls(chosen)
        try:
            for folder in (workspace.datasets, workspace.runs, workspace.incoming, workspace.cache,
                           workspace.browsers, workspace.weights, workspace.bin, workspace.experiments):
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Unavailable(
                _("The workspace folder cannot be used."),
                given=str(chosen),
                fix=_("Choose a folder that you may write to, with --workspace or THAW_HOME."),
            ) from error
        # NOTE: both are read when they are first imported. Keras writes a settings file, by default
        # into the home; TensorFlow's log lines are for its developers.
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        os.environ.setdefault("KERAS_HOME", str(workspace.cache / "keras"))
        os.environ["KERAS_BACKEND"] = "tensorflow"
        return workspace

    @property
    def datasets(self) -> Path:
        """Finished datasets, one folder each."""
        return self.root / "datasets"

    @property
    def runs(self) -> Path:
        """Run folders, one a run."""
        return self.root / "runs"

    @property
    def experiments(self) -> Path:
        """Experiments, one folder each; their runs are among all others."""
        return self.root / "experiments"

    @property
    def incoming(self) -> Path:
        """What is being uploaded or unpacked; nothing in it has been checked."""
        return self.root / "incoming"

    @property
    def weights(self) -> Path:
        """Weight files that people brought along."""
        return self.root / "weights"

    @property
    def cache(self) -> Path:
        """What can be computed or downloaded again."""
        return self.root / "cache"

    @property
    def bin(self) -> Path:
        """Deleted runs and datasets, for as long as they can be brought back."""
        return self.root / "bin"

    @property
    def browsers(self) -> Path:
        """One small file a browser: what it has chosen so far."""
        return self.root / "browsers"

    def dataset_dir(self, dataset_id: str) -> Path:
        """Return the folder of an existing dataset; raises NotFound."""
        return self._existing(self.datasets, dataset_id, _("There is no such dataset."))

    def run_dir(self, run_id: str) -> Path:
        """Return the folder of an existing run; raises NotFound."""
        return self._existing(
            self.runs, run_id, _("There is no such run."),
            _("Choose one that the Workspace page, or “python -m core runs”, lists."))

    def experiment_dir(self, experiment_id: str) -> Path:
        """Return the folder of an existing experiment; raises NotFound."""
        return self._existing(self.experiments, experiment_id, _("There is no such experiment."))

    @staticmethod
    def _existing(parent: Path, name: str, what: str, fix: str = "") -> Path:
        if not is_id(name) or not (parent / name).is_dir():
            listed = _("Choose one of those that are listed.")
            raise NotFound(what, given=name[:80], fix=fix or listed)
        return parent / name


def new_dir(parent: Path, title: str) -> Path:
    """Make a folder named by the time and a safe form of ``title``, unique within ``parent``."""
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    stem = f"{stamp}-{slug(title, 40)}".rstrip("-")
    for attempt in range(1000):
        folder = parent / (stem if attempt == 0 else f"{stem}-{attempt + 1}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        return folder
    raise Unavailable(_("No free name was found for a new folder."), given=stem)
