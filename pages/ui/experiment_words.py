"""What is said of experiments: their kinds, how they stand, which photos their figures are of."""

from __future__ import annotations

from core.experiments.results import Results
from core.experiments.standing import Standing
from core.i18n import _, ngettext
from core.words import about_text

BEGUN_HERE = ("data-size", "blocks", "seeds", "backbones")
"""The kinds that the Experiments page begins; controls belong to a run, and are begun where it is shown."""


def kind_title(kind: str) -> str:
    """Return what a kind of experiment is called."""
    return {
        "data-size": _("How many photos"),
        "blocks": _("One block at a time"),
        "seeds": _("Luck of the start"),
        "backbones": _("Which backbone"),
    }.get(kind, kind)


def kind_sentence(kind: str) -> str:
    """Say in one sentence what a kind of experiment tells."""
    return {
        "data-size": _("What transfer is worth against training from scratch, from few photos to all."),
        "blocks": _("Which single block is worth thawing, beside the head alone."),
        "seeds": _("How much the result changes when nothing but the random start does."),
        "backbones": _("Which backbone suits your photos: a quick probe of each, then the best two in full."),
    }.get(kind, "")


def state_text(standing: Standing) -> str:
    """Return how an experiment stands, in a few words: ``"30 runs"``, ``"cancelled after 4 of 30"``."""
    done, total = standing.done, standing.total
    if standing.state == "running":
        said = _("{done} of {total} done").format(done=done, total=total)
    elif standing.state == "cancelled":
        # Those that were cancelled count as not finished too.
        return _("cancelled after {done} of {total}").format(done=done, total=total)
    else:
        said = runs_text(total)
    return f"{said}, {failed_text(standing)}" if standing.failed else said


def runs_text(count: int) -> str:
    """Return a number of runs: ``"30 runs"``."""
    return ngettext("{n} run", "{n} runs", count).format(n=f"{count:,}")


def failed_text(standing: Standing) -> str:
    """Say how many runs came to nothing; empty for none."""
    if not standing.failed:
        return ""
    return ngettext("{n} did not finish", "{n} did not finish", standing.failed).format(n=standing.failed)


def time_text(seconds: float | None) -> str:
    """Return an expected time, or that it is not known."""
    return _("time not measured") if seconds is None else _("about {time}").format(time=about_text(seconds))


def about_marks(results: Results) -> str:
    """Say what the marks of a plot stand for; empty where it has one kind alone."""
    if not any(each.name == "verified" for each in results.series):
        return ""
    return _("Circle: the linear probe, with its accuracy at the right. Diamond: trained for real.")


def about_tests(results: Results) -> str:
    """Say how many test figures are shown and what that means; empty where there is none."""
    count = results.test_figures
    if not count:
        return "" if results.split == "test" else _("No test photo was looked at.")
    if results.split == "test":
        return ngettext(
            "{n} test accuracy is shown. Nothing here was chosen by it.",
            "{n} test accuracies are shown. Nothing here was chosen by them: whoever takes the best of them "
            "takes its luck too, so choose by validation.", count,
        ).format(n=count)
    return ngettext(
        "Choices here were made on validation photos. Only then were the test photos looked at: {n} test "
        "accuracy is shown, that of the one that was chosen.",
        "Choices here were made on validation photos. Only then were the test photos looked at: {n} test "
        "accuracies are shown, and choosing by them would flatter the best.", count,
    ).format(n=count)
