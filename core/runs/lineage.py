"""Runs that go on from runs: where the weights are, and the history that a plan carries."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from core.backbones.kept import kept_path
from core.errors import NotFound
from core.i18n import _
from core.runs.folder import RunFolder, require_model
from core.training.plan import Plan
from core.training.start import FILE, RUN, Ancestor, Start
from core.workspace import Workspace


def weights_file(workspace: Workspace, plan: Plan) -> Path | None:
    """Return the file that a plan starts from, or ``None`` where it needs none.

    Raises:
        NotFound: The file or the run is no longer in the workspace.
        BadInput: The run has no model.
    """
    if plan.weights.source == FILE:
        return kept_path(workspace, plan.weights.name)
    if plan.weights.source != RUN:
        return None
    try:
        folder = RunFolder.open(workspace, plan.weights.name)
    except NotFound as error:
        raise NotFound(
            _("The run that this starts from is no longer in the workspace."), given=plan.weights.name,
            fix=_("Choose on the Model page what it starts from."),
        ) from error
    return require_model(folder)


def going_on_from(plan: Plan, folder: RunFolder) -> Plan:
    """Return a plan that takes the backbone of a finished run, as that run left it.

    Args:
        plan: What else is wanted; its backbone, image size and history give way to the run's,
            and so do its blocks where the backbone is another.
        folder: A run with a model.

    Raises:
        BadInput: The run has no model, or its plan is damaged.
    """
    require_model(folder)
    before = folder.plan()
    ancestor = Ancestor(folder.id, before.dataset_title, before.trainable, before.weights.source)
    return replace(
        plan, backbone=before.backbone, image_size=before.image_size,
        weights=Start(RUN, folder.id), history=(*before.history, ancestor),
        trainable=plan.trainable if plan.backbone == before.backbone else (),
    )
