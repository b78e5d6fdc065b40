"""How sure a model has to be to name a class, what that means on validation photos, and calibration."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.errors import ThawError
from core.i18n import _
from core.insight.confidence import tempered
from core.insight.sureness import Sureness, sureness
from core.jobs import Progress
from core.runs.listing import Listed
from core.studies import predicting
from core.studies.evaluating import kept_temperature
from core.studies.target import Target, chosen
from pages.ui import state
from pages.ui.pieces import caption
from pages.ui.study import study

VALIDATION = Target("", "validation")


@dataclass(frozen=True)
class Judging:
    """How what a model says is read.

    Attributes:
        threshold: 0 to 1: under it no class is named.
        temperature: What its logits are divided by; 1 leaves them as they are.
    """

    threshold: float = 0.0
    temperature: float = 1.0

    def read(self, chances: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the probabilities as they are read."""
        return tempered(chances, self.temperature)


AS_IT_IS = Judging()

def judging(run: Listed) -> Judging:
    """Show the threshold, what it means, and the switch of calibration where there is one."""
    control, meaning = st.columns(2, gap="large", vertical_alignment="center")
    with control:
        threshold = st.slider(
            _("Say “not sure” under"), 0.0, 1.0, 0.0, 0.01, key="predict_threshold", format="%.2f",
            help=_("The probability that the likeliest class must reach. Under it the model names none."),
        )
        found = Judging(threshold, _temperature(run))
    with meaning:
        _meaning(run, found)
    return found


def _temperature(run: Listed) -> float:
    fitted = kept_temperature(run.folder)
    if fitted is None:
        return 1.0
    on = st.toggle(
        _("Calibrated probabilities"), key="predict_calibrated",
        help=_("Temperature scaling, fitted on the validation photos (temperature {value}): the same "
               "classes, said as surely as they turn out right.").format(value=f"{fitted:.2f}"),
    )
    return fitted if on else 1.0


def _meaning(run: Listed, how: Judging) -> None:
    if how.threshold == 0:
        caption(_("At 0 every photo gets a class, however unsure the model is."))
        return
    workspace, folder = state.workspace(), run.folder
    try:
        photos = chosen(workspace, folder, VALIDATION)
    except ThawError as error:
        caption(_("What this means on validation photos is not available. {why}").format(why=error.what))
        return
    found = predicting.kept(folder, VALIDATION, photos)
    means = found and sureness(how.read(found.probabilities), found.labels, how.threshold)
    if means:
        caption(meaning_text(how.threshold, means))
        return

    def work(progress: Progress) -> None:
        predicting.predictions(workspace, folder, VALIDATION, progress)

    caption(_("What this means on validation photos has not been measured yet."))
    study(
        run.id, "validation", title=_("Looking at the validation photos"), work=work,
        button=_("Measure on the validation photos"), icon=":material/target:")


def meaning_text(threshold: float, means: Sureness) -> str:
    """Return what a threshold means, in one sentence."""
    answered = _("At {threshold} it answers {share} of the {n} validation photos").format(
        threshold=f"{threshold:.2f}", share=f"{means.answered.value:.1%}", n=f"{means.answered.images:,}")
    if means.right is None:
        return _("{answered}.").format(answered=answered)
    return _("{answered}; of these {share} are right (95% interval {low} to {high}).").format(
        answered=answered, share=f"{means.right.value:.1%}", low=f"{means.right.low:.1%}",
        high=f"{means.right.high:.1%}")
