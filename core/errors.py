"""Errors meant for people: what happened, what was given, how to fix it."""

from __future__ import annotations


class ThawError(Exception):
    """The base of every error that is shown to a person.

    Args:
        what: What happened, one whole sentence in the reader's words.
        given: What was received, as short text; empty where nothing helps. It may come from
            outside (a file name, a class name), so whoever shows it escapes it.
        fix: What to do about it, one or two whole sentences.
    """

    exit_code = 1

    def __init__(self, what: str, *, given: str = "", fix: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.given = given
        self.fix = fix

    def to_json(self) -> dict[str, object]:
        """Return the three parts by name, as answers to programs carry them."""
        return {"what": self.what, "given": self.given, "fix": self.fix}

    def __str__(self) -> str:
        given = f" ({self.given})" if self.given else ""
        fix = f" {self.fix}" if self.fix else ""
        return f"{self.what}{given}{fix}"


class BadInput(ThawError):
    """What was given cannot be used: a file, a folder, a value outside its bounds."""

    exit_code = 2


class NotFound(BadInput):
    """Something that was named does not exist: a run, a dataset, a backbone, a sample."""


class Unavailable(ThawError):
    """Something outside this program is missing: a network, a package, space on the disk."""


class Busy(ThawError):
    """The thing is in use and cannot be changed now."""


class RunFailed(ThawError):
    """A training could not be carried out to its end."""


class Stopped(ThawError):
    """The person asked for a stop; what was half done has been removed or kept as said."""
