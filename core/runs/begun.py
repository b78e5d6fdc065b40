"""What a run that goes on from another found there: that may be trained further afterwards."""

from __future__ import annotations

from core.errors import BadInput
from core.files import read_json, write_json
from core.i18n import _
from core.runs.folder import RunFolder
from core.runs.studied import model_mark
from core.training.plan import Plan
from core.training.start import RUN
from core.workspace import Workspace

FILE = "start.json"


def note_start(workspace: Workspace, folder: RunFolder, plan: Plan) -> None:
    """Note which model a run begins with, before its first epoch; nothing where it starts from no run.

    Raises:
        NotFound: The run that it starts from is gone.
        BadInput: That has no model, or none that can be read.
        OSError: The disk is full.
    """
    if plan.weights.source == RUN and not folder.history():
        before = RunFolder.open(workspace, plan.weights.name)
        write_json(folder.path / FILE, {"version": 1, "model": model_mark(before)})


def require_same_start(workspace: Workspace, folder: RunFolder, plan: Plan) -> None:
    """Raise where the model that a run began with is not known to be here; an earlier run does not say.

    Raises:
        NotFound: The run that it starts from is gone.
        BadInput: That has no model, or another one by now, or it is not known which one it was.
    """
    if plan.weights.source != RUN or not (folder.path / FILE).is_file():
        return
    noted = read_json(folder.path / FILE).get("model")
    if noted is None:
        raise BadInput(
            _("This run came from another computer, and which model it went on from is not known here."),
            given=plan.weights.name)
    if noted != model_mark(RunFolder.open(workspace, plan.weights.name)):
        raise trained_further(plan)


def trained_further(plan: Plan) -> BadInput:
    """Return what to say where the run that a plan starts from has another model than it had."""
    return BadInput(
        _("The run that this started from was trained further since, so how this began is no longer known."),
        given=plan.weights.name,
    )
