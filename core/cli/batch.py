"""The runs of an experiment carried out in the foreground, one after another; Ctrl-C cancels them all."""

from __future__ import annotations

import logging
import signal
import time
from functools import partial
from types import FrameType

from core.cli.progress import Bar
from core.cli.signals import answered
from core.cli.work import Work
from core.errors import Busy, ThawError
from core.experiments import members, steering
from core.experiments.experiment import load
from core.experiments.members import Found
from core.experiments.standing import RUNNING, standing
from core.i18n import _
from core.runs import line
from core.runs.about import about_of
from core.runs.folder import RunFolder
from core.runs.recovery import recover
from core.runs.status import phase_text
from core.runs.wishes import Leaving, Wish
from core.runs.work import carry_out
from core.words import about_text
from core.workspace import Workspace

LOOK_EVERY_S = 0.5
_log = logging.getLogger(__name__)


class Batch:
    """Carries an experiment out. What another process works on is waited for.

    Args:
        workspace: Where it is.
        experiment_id: The experiment; its runs wait in line.
    """

    def __init__(self, workspace: Workspace, experiment_id: str) -> None:
        self._workspace = workspace
        self._id = experiment_id
        self._leaving = Leaving()
        self._interrupted = False

    def carry_out(self) -> None:
        """Carry all runs out that are still to be, telling on stderr how far it is.

        Raises:
            OSError: The disk is full; the experiment is cancelled.
            KeyboardInterrupt: A second Ctrl-C: somebody does not want to wait for the step to end.
        """
        with answered(self._asked, signal.SIGINT, signal.SIGTERM), Bar() as bar:
            try:
                while not self._interrupted and (following := self._following()) is not None:
                    self._wait_for(following, bar)
            except (ThawError, OSError, KeyboardInterrupt):
                # What waits in line would begin once a server is started, to the surprise of all.
                steering.cancel(self._workspace, self._id)
                raise
            if self._interrupted:
                steering.cancel(self._workspace, self._id)

    def _asked(self, _number: int, _frame: FrameType | None) -> None:
        if self._interrupted:
            raise KeyboardInterrupt
        self._interrupted = True
        self._leaving.ask(Wish.STOP)

    def _following(self) -> Found | None:
        """Return the next run, also one that comes of those that have ended."""
        following = self._next()
        if following is None:
            # The last may have ended elsewhere: in a server that is still at what follows, or by a page.
            steering.settle(self._workspace, self._id)
            following = self._next()
        return following

    def _next(self) -> Found | None:
        """Return the next run that has not ended; ``None`` where none will come any more."""
        found = members.found(self._workspace, load(self._workspace, self._id))
        return next(
            (each for each in found if each.status is not None and each.status.state.active), None)

    def _wait_for(self, following: Found, bar: Bar) -> None:
        """Carry a run out on a thread of its own, or wait for whoever does."""
        folder = following.folder
        if not self._taken(folder):
            self._wait_for_another(folder, bar)
            return
        self._leaving = Leaving()
        if self._interrupted:  # between two runs
            self._leaving.ask(Wish.STOP)
        work = Work(partial(_carry_out, self._workspace, folder, self._leaving))
        self._tell(bar, folder)
        work.start()
        while not work.wait(LOOK_EVERY_S):
            self._tell(bar, folder)
        work.raise_error()

    def _wait_for_another(self, folder: RunFolder, bar: Bar) -> None:
        while _active(folder) and not self._interrupted:
            self._tell(bar, folder)
            time.sleep(LOOK_EVERY_S)
            recover(self._workspace)  # whoever works on it may have died

    def _taken(self, folder: RunFolder) -> bool:
        with line.held_line(self._workspace):
            return line.leave(self._workspace, folder.id)

    def _tell(self, bar: Bar, folder: RunFolder) -> None:
        if self._interrupted:
            bar.say("leaving", _("Cancelling after this step; Ctrl-C leaves at once."))
            return
        try:
            stands = standing(self._workspace, load(self._workspace, self._id))
            status = folder.status()
        except ThawError as error:
            bar.say("error", str(error))
            return
        if stands.state != RUNNING and not status.state.active:
            return
        text = _("{n} of {total}: {name}").format(
            n=min(stands.total, stands.done + stands.failed + 1), total=stands.total,
            name=about_of(folder).title or folder.id)
        if status.phase:
            text += f", {phase_text(status.phase).lower()}"
        if status.epoch and status.phase in ("training", "validating"):
            text += _(", epoch {epoch} of {epochs}").format(epoch=status.epoch, epochs=status.epochs)
        if stands.left_s is not None:
            text += _("; about {time} left for all").format(time=about_text(stands.left_s))
        bar.say(folder.id, text)


def _carry_out(workspace: Workspace, folder: RunFolder, leaving: Leaving) -> None:
    """Carry a run out, and what follows it."""
    try:
        carry_out(workspace, folder, leaving)
        steering.advance(workspace, folder.id)
    except Busy as error:
        _log.info("run %s is waited for: %s", folder.id, error)  # another process was quicker


def _active(folder: RunFolder) -> bool:
    try:
        return folder.status().state.active
    except ThawError:
        return False

