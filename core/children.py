"""Commands of ours in processes of their own: for what should not happen inside a server."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from core.errors import BadInput, Stopped, ThawError, Unavailable
from core.files import JsonObject
from core.i18n import _

LOOK_EVERY_S = 0.1
TIDY_UP_S = 3.0
_BAD_INPUT = 2
_BROKE_OFF = {"measure": _("The measurement broke off."), "weights": _("The check broke off.")}
_ROOT = Path(__file__).resolve().parent.parent
_log = logging.getLogger(__name__)


def run_json(arguments: Sequence[str], stop: threading.Event | None = None) -> JsonObject:
    """Run ``python -m core … --json`` and return what it answers.

    Args:
        arguments: The words of the command.
        stop: Set it to end the process: asked first, so that it may tidy up, and made to soon after.

    Raises:
        BadInput: The command refused what it was given; the error is the command's own.
        Unavailable: It failed, or ended without an answer.
        Stopped: ``stop`` was set.
    """
    child = subprocess.Popen(
        [sys.executable, "-m", "core", *arguments, "--json"], cwd=_ROOT, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )
    try:
        while True:
            try:
                said, complained = child.communicate(timeout=LOOK_EVERY_S)
                break
            except subprocess.TimeoutExpired:
                if stop is not None and stop.is_set():
                    raise Stopped(_("Stopped before it was done.")) from None
    finally:
        if child.poll() is None:
            _end(child)
    return _answer(said, complained, child.returncode, arguments)


def failure_of(arguments: Sequence[str], stop: threading.Event) -> ThawError | None:
    """Do as :func:`run_json` and return why it failed; ``None`` where it worked or was stopped."""
    try:
        run_json(arguments, stop)
    except Stopped:
        return None
    except ThawError as error:
        _log.warning("%s: %s", " ".join(arguments[:2]), error)
        return error
    return None


def _end(child: subprocess.Popen[str]) -> None:
    child.terminate()
    try:
        child.communicate(timeout=TIDY_UP_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.communicate()


def _answer(said: str, complained: str, status: int, arguments: Sequence[str]) -> JsonObject:
    try:
        answer = json.loads(said)
    except ValueError:
        answer = None
    if status == 0 and isinstance(answer, dict):
        return answer
    error = answer.get("error") if isinstance(answer, dict) else None
    if isinstance(error, dict):
        raise _error(error, status)
    _log.error("%s ended with %s: %s", arguments[:1], status, complained[-2000:])
    raise Unavailable(
        _BROKE_OFF.get(arguments[0], _("The work broke off.")),
        fix=_("The computer may be short of memory. The server's log tells more; try again."),
    )


class Refused(BadInput):
    """A command refused what it was given; :attr:`answer` is all that it said of that."""

    def __init__(self, error: JsonObject) -> None:
        super().__init__(**_parts(error))
        self.answer = error


def _error(error: JsonObject, status: int) -> ThawError:
    if status == _BAD_INPUT:
        return Refused(error)
    return Unavailable(**_parts(error))


def _parts(error: JsonObject) -> dict[str, str]:
    return {part: str(error.get(part, "")) for part in ("what", "given", "fix")}
