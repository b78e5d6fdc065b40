"""Words for what an audit finds: which photos, by whose features, and what each figure means."""

from __future__ import annotations

from core.i18n import _, ngettext
from core.insight.audit import MOST, Audit
from core.insight.near_duplicates import NEIGHBOURS
from core.insight.outliers import FENCE, LEAST_PHOTOS, K
from core.training.plan import Plan
from core.training.start import PRETRAINED, RANDOM, RUN

TWINS, LABELS, STRANGE = "twins", "labels", "strange"


def split_photo(split: str) -> str:
    """Return what a photo of a split is called."""
    return {
        "train": _("training photo"), "validation": _("validation photo"), "test": _("test photo"),
    }[split]


def kind_names(found: Audit) -> dict[str, str]:
    """Return the kinds of findings, each with how many there are."""
    twins = _("Near-duplicates ({n}+)") if found.more_twins else _("Near-duplicates ({n})")
    return {
        TWINS: twins.format(n=f"{found.twins_found:,}"),
        LABELS: _("Wrong labels? ({n})").format(n=f"{found.mislabelled_found:,}"),
        STRANGE: _("Unlike the others ({n})").format(n=f"{found.strange_found:,}"),
    }


def first_kind(found: Audit) -> str:
    """Return the first kind of which there are findings; the first of all where there are none."""
    counts = {TWINS: found.twins_found, LABELS: found.mislabelled_found, STRANGE: found.strange_found}
    return next((kind for kind, count in counts.items() if count), TWINS)


def features_text(plan: Plan) -> str:
    """Say by whose features the photos were judged, and what that means."""
    if plan.weights.source == RANDOM:
        return _("Judged by the features of the trained model, because it started from random weights. It "
                 "has learned from these labels, so a wrong one that it knows by heart may look right.")
    if plan.weights.source == PRETRAINED:
        return _("Judged by the features of the pretrained backbone, which has not learned from these "
                 "labels.")
    if plan.weights.source == RUN:
        return _("Judged by the features that this run started from, those of an earlier run. If that one "
                 "learned from the same labels, a wrong one may look right.")
    return _("Judged by the features of the weights that this run started from.")


def summary_text(found: Audit, plan: Plan) -> str:
    """Say how many photos were looked at, and by whose features."""
    said = ngettext("{n} photo looked at. {features}", "{n} photos looked at. {features}", found.images)
    return said.format(n=f"{found.images:,}", features=features_text(plan))


def twins_text(found: Audit) -> str:
    """Say what near-duplicates are, and why those across splits matter."""
    if not found.twins_found:
        return _("No two photos are nearly the same.")
    across = ngettext(
        "{n} of the pairs is across splits: what is measured on such a photo flatters, because the model has "
        "learned from its twin, or was chosen by it.",
        "{n} of the pairs are across splits: what is measured on such photos flatters, because the model has "
        "learned from their twins, or was chosen by them.", found.across).format(n=f"{found.across:,}")
    return across if found.across else _("All pairs are within one split.")


def twins_threshold(found: Audit) -> str:
    """Say from when on two photos count as near-duplicates."""
    said = _("Near-duplicates are photos with similar features whose pictures, laid over each other, agree "
             "to {bound} or more (correlation; 1 is the same); one may be mirrored, or cut by up to a "
             "fifth.").format(bound=f"{found.bound:.3f}")
    if found.more_twins:
        said += " " + ngettext(
            "Of each photo the {n} most alike of a split is compared, so of many copies not every pair is "
            "told.",
            "Of each photo the {n} most alike of a split are compared, so of many copies not every pair is "
            "told.", NEIGHBOURS).format(n=NEIGHBOURS)
    return said


def labels_text(found: Audit) -> str:
    """Say how sure the findings on labels are."""
    if found.right is None:
        return _("The labels could not be judged: that takes two classes with five photos or more, "
                 "and photos that differ.")
    left_out = found.images - found.asked
    said = _("A linear model that had not learned from the photo agrees with {share} of {n} labels. The "
             "lower that is, the more of these are its own mistakes.").format(
        share=f"{found.right:.1%}", n=f"{found.asked:,}")
    if left_out:
        said += " " + ngettext(
            "{n} photo of a class with fewer than five was left out.",
            "{n} photos of classes with fewer than five were left out.", left_out).format(n=f"{left_out:,}")
    return said


def labels_threshold() -> str:
    """Say from when on a label is called in question."""
    return _("A label is called in question where the photo is at least as likely of another class as that "
             "class's own photos are on average (confident learning, Northcutt et al. 2021). Those come "
             "first for which the other class is furthest ahead of their own. Beside each stands the "
             "photo of either class that is most alike (cosine between the features), without copies of it "
             "and those whose own label is called in question.")


def strange_text(found: Audit) -> str:
    """Say what the photos unlike the others may be."""
    if not found.strange_found:
        return _("No photo is far from all others.")
    return _("Often these are fine and rare. Some show something else, or are too dark or cut off to be of "
             "use.")


def strange_threshold() -> str:
    """Say from when on a photo is unlike the others."""
    return _("A photo is told whose mean distance (one minus the cosine) to its {k} nearest photos, of all "
             "or of its class, lies more than {fence} interquartile ranges above the upper quartile (Tukey's "
             "fence). In a class of {k} or fewer these are all the others; one of fewer than {least} is "
             "looked at among all photos only. Beside each stand the photo nearest to the middle of its "
             "class, and the one of its class that is most alike.").format(
                 k=K, fence=FENCE, least=LEAST_PHOTOS)


def cut_text(count: int) -> str:
    """Say that not all findings are shown; empty where they are."""
    if count <= MOST:
        return ""
    return _("The first {most} of {n} are shown.").format(most=MOST, n=f"{count:,}")
