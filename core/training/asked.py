"""What a training is asked for, handed down as one."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from core.data.dataset import Dataset
from core.errors import Stopped
from core.i18n import _
from core.training.events import Listener, Places
from core.training.plan import Plan
from core.workspace import Workspace


@dataclass(frozen=True)
class Asked:
    """What a training is asked for.

    Attributes:
        plan: A checked plan.
        dataset: What it is carried out on, already limited as the plan says.
        places: Where weights, model and logs are written.
        listener: Told of every phase, step and epoch, on the training's thread.
        stop: Set to leave after the current batch.
        workspace: Where frozen activations are kept; without one the plain way is taken.
        for_now: Says, once ``stop`` is set, whether the training is left only for now.
    """

    plan: Plan
    dataset: Dataset
    places: Places
    listener: Listener
    stop: threading.Event
    workspace: Workspace | None
    for_now: Callable[[], bool]

    def leave_if_asked(self) -> None:
        """Raise Stopped where that was asked for."""
        if self.stop.is_set():
            raise Stopped(_("Stopped before anything was learned."))
