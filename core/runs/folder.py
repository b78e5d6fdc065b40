"""The run folder: the interface between who trains and who looks."""

from __future__ import annotations

import csv
import io
import json
import os
import time
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import TypeVar

from core.errors import BadInput
from core.files import JsonObject, copy_file, read_json, write_json, write_text
from core.i18n import _
from core.runs.status import State, Status
from core.training.events import BatchRow, EpochRow, Places
from core.training.model import EPOCH_ENTRY
from core.training.plan import Plan
from core.workspace import Workspace, new_dir

_BATCHES_HEAD = "position,loss,accuracy\n"
_ROUNDED = 1e-5
_STAMP = len("20260101-000000")
_Row = TypeVar("_Row")


@dataclass(frozen=True)
class RunFolder:
    """One run's folder; reading never changes it.

    Attributes:
        path: ``runs/<time>-<slug>`` of a workspace.
    """

    path: Path

    @property
    def id(self) -> str:
        """The run's name."""
        return self.path.name

    @property
    def model(self) -> Path:
        """The finished model: raw RGB in, class probabilities out, class names inside."""
        return self.path / "model.keras"

    @property
    def exports(self) -> Path:
        """Where what was made to be taken away is, once there is something."""
        return self.path / "exports"

    @property
    def lock(self) -> Path:
        """Held, as a lock of the operating system, by the process that works on the run."""
        return self.path / "lock"

    @property
    def places(self) -> Places:
        """Where the engine writes."""
        checkpoint = self.path / "checkpoint"
        return Places(
            best=checkpoint / "best.keras",
            last=checkpoint / "last.npz",
            model=self.model,
            events=self.path / "events",
        )

    @classmethod
    def create(cls, workspace: Workspace, plan: Plan) -> RunFolder:
        """Make the folder of a new run, queued but not in the line.

        Raises:
            BadInput: The plan is outside its bounds.
            OSError: The disk is full.
        """
        checked = plan.checked()
        folder = cls(new_dir(workspace.runs, f"{plan.backbone}-{plan.dataset_title}"))
        (folder.path / "checkpoint").mkdir()
        folder.write_status(
            Status(State.QUEUED, epochs=checked.recipe.epochs, created=time.time())
        )
        # The last: without a plan it is no run, see run_folders(), so that nobody meets one without a status.
        checked.save(folder.path / "plan.json")
        return folder

    @classmethod
    def open(cls, workspace: Workspace, run_id: str) -> RunFolder:
        """Open an existing run; raises NotFound."""
        return cls(workspace.run_dir(run_id))

    def plan(self) -> Plan:
        """Read what was asked for; raises BadInput where it is damaged."""
        return Plan.load(self.path / "plan.json")

    def replace_plan(self, plan: Plan) -> None:
        """Replace what was asked for; the run keeps its place among the others, see :func:`run_folders`."""
        path = self.path / "plan.json"
        asked = path.stat().st_mtime_ns
        plan.save(path)
        os.utime(path, ns=(asked, asked))

    def status(self) -> Status:
        """Read how it stands; raises BadInput where it is damaged."""
        return Status.load(self.path / "status.json")

    def write_status(self, status: Status) -> None:
        """Replace the status."""
        status.save(self.path / "status.json")

    def history(self) -> tuple[EpochRow, ...]:
        """Read the finished epochs, none before the first; raises BadInput where they are damaged."""
        return self._read("history.csv", _epoch_row)

    def write_history(self, rows: Sequence[EpochRow]) -> None:
        """Replace the history, whole."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow([each.name for each in fields(EpochRow)])
        writer.writerows([["" if cell is None else cell for cell in astuple(row)] for row in rows])
        write_text(self.path / "history.csv", text.getvalue())

    def batches(self) -> tuple[BatchRow, ...]:
        """Read the points of the live curve; raises BadInput where they are damaged."""
        return self._read("batches.csv", _batch_row)

    def cut_batches(self, position: float) -> None:
        """Take the points after a position, in epochs, out of the live curve."""
        try:
            rows = self.batches()
        except BadInput:
            rows = ()  # the curve is only looked at: no training fails for it
        kept = [row for row in rows if row.position <= position + _ROUNDED]
        text = "".join(_line(row) for row in kept)
        write_text(self.path / "batches.csv", _BATCHES_HEAD + text, durable=False)

    def append_batch(self, row: BatchRow) -> None:
        """Add a point to the live curve.

        NOTE: the one file that is appended to; a reader may find its last line half written and
        passes over it.
        """
        path = self.path / "batches.csv"
        head = "" if path.exists() else _BATCHES_HEAD
        with path.open("a", encoding="utf-8") as handle:
            handle.write(head + _line(row))

    def keep_best(self) -> int | None:
        """Make the model of the best epoch the run's, where there is one and the run's is another.

        What was measured of another model on the test photos goes with it.

        Returns:
            The epoch whose weights the run's model has; ``None`` where there is no such epoch.

        NOTE: not the best of the history. The best is written every few seconds at the most, so that of a
        process that died may be of an epoch before.
        """
        written = self.places.best
        if written.is_file() and not _same_epoch(written, self.model):
            copy_file(written, self.model)
            report = self.report()
            if report is not None:
                self.write_report({**report, "test": None})
        if not self.model.is_file():
            return None
        top = best(self.history())
        # A model of an earlier version does not say; then every epoch was written.
        return saved_epoch(self.model) or (top.epoch if top else None)

    def kept(self) -> EpochRow | None:
        """Return the epoch whose weights the run has kept, or would keep now; ``None`` where none ended."""
        status, rows = self.status(), self.history()
        # Of a run that broke off, or is paused, the best epoch may not have been written.
        broke_off = status.state in (State.INTERRUPTED, State.FAILED, State.PAUSED)
        if status.state.active or (status.kept is None and not broke_off):
            return best(rows)
        return next((row for row in rows if row.epoch == status.kept), None)

    def report(self) -> JsonObject | None:
        """Read the report, or ``None`` before there is one; raises BadInput where it is damaged."""
        path = self.path / "report.json"
        return read_json(path) if path.exists() else None

    def write_report(self, report: JsonObject) -> None:
        """Replace the report."""
        write_json(self.path / "report.json", report)

    def _read(self, name: str, row: Callable[[dict[str, str]], _Row]) -> tuple[_Row, ...]:
        try:
            text = (self.path / name).read_text(encoding="utf-8")
            whole = text[: text.rfind("\n") + 1]
            return tuple(row(each) for each in csv.DictReader(io.StringIO(whole)))
        except FileNotFoundError:
            return ()
        except (ValueError, KeyError, TypeError, csv.Error) as error:
            raise BadInput(
                _("A file of this run is damaged and cannot be read."), given=f"{self.id}/{name}"
            ) from error


def run_folders(workspace: Workspace) -> list[RunFolder]:
    """Return all runs, newest first; folders that hold no plan are passed over.

    NOTE: by the time in their names, to the second; only then by that of the plan's file, which is another
    where a workspace was copied.
    """
    aged = ((path.name[:_STAMP], _asked_at(path), path.name, path) for path in workspace.runs.iterdir())
    return [RunFolder(path) for _stamp, asked, _name, path in sorted(aged, reverse=True) if asked]


def _asked_at(path: Path) -> float:
    """Return when a run was asked for; 0 where there is no plan, as in a run just moved away."""
    try:
        return (path / "plan.json").stat().st_mtime
    except OSError:
        return 0.0


def best(rows: Sequence[EpochRow]) -> EpochRow | None:
    """Return the best of some epochs, or ``None`` before the first ended."""
    return max(rows, key=lambda row: row.rank, default=None)


def saved_epoch(model: Path) -> int | None:
    """Return the epoch that a saved model's weights are of; ``None`` where that is not known."""
    try:
        with zipfile.ZipFile(model) as archive:
            epoch = json.loads(archive.read(EPOCH_ENTRY))
    except (OSError, KeyError, ValueError, zipfile.BadZipFile):
        return None
    return epoch if isinstance(epoch, int) else None


def require_model(folder: RunFolder) -> Path:
    """Return the model of a run; raises BadInput where it has none."""
    if not folder.model.is_file():
        raise BadInput(
            _("This run has no model."),
            given=folder.id,
            fix=_("Wait until it has finished, or choose another run."),
        )
    return folder.model


def _same_epoch(one: Path, other: Path) -> bool:
    return other.is_file() and saved_epoch(one) == saved_epoch(other)


def _line(row: BatchRow) -> str:
    return f"{row.position:.5f},{row.loss:.6g},{row.accuracy:.6g}\n"


def _epoch_row(row: dict[str, str]) -> EpochRow:
    return EpochRow(
        epoch=int(row["epoch"]),
        phase=row["phase"],
        loss=float(row["loss"]),
        accuracy=float(row["accuracy"]),
        val_loss=_number(row["val_loss"]),
        val_accuracy=_number(row["val_accuracy"]),
        learning_rate=float(row["learning_rate"]),
        seconds=float(row["seconds"]),
    )


def _batch_row(row: dict[str, str]) -> BatchRow:
    return BatchRow(float(row["position"]), float(row["loss"]), float(row["accuracy"]))


def _number(text: str) -> float | None:
    return float(text) if text else None
