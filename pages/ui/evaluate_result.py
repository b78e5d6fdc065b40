"""The result of a run on photos: accuracy, what is mixed up, figures by class, how sure it is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache, partial

import streamlit as st

from core.errors import BadInput, NotFound
from core.i18n import _
from core.insight.metrics import Evaluation
from core.insight.predictions import Predictions
from core.insight.ranking import Ranking, ranking
from core.insight.rates import Rates, is_counted, rates
from core.runs import studied
from core.runs.listing import Listed
from core.runs.work import evaluation_of, looks
from core.studies import evaluating
from core.studies.asking import look_kind
from core.studies.evaluating import is_own_test
from core.studies.predicting import kept
from core.studies.target import Chosen, Target, chosen, own_dataset
from pages.ui import state
from pages.ui.charts import shares
from pages.ui.escape import one_line, plain
from pages.ui.experiment_controls import controls_of
from pages.ui.pieces import caption, headline, note
from pages.ui.places import PLACES
from pages.ui.result_calibration import sureness
from pages.ui.result_classes import about_overall, class_table, overall_figures
from pages.ui.result_curves import curves
from pages.ui.result_mixups import mixups
from pages.ui.study import study
from pages.ui.target_picker import picked_target, said_of

FEW_PHOTOS = 30
CLASSES_IN_CHART = 30


@dataclass(frozen=True)
class _Looked:
    """What is known of a run on photos.

    Attributes:
        run: The run.
        target: Which photos.
        found: The counts.
        photos: The photos; ``None`` where they cannot be found.
        said: What was said of each; ``None`` where it was not kept.
    """

    run: Listed
    target: Target
    found: Evaluation
    photos: Chosen | None
    said: Predictions | None

    @property
    def key(self) -> str:
        """What tells these photos of this run from any others."""
        return f"{self.run.id}-{self.target.key}"


def result(run: Listed) -> None:
    """Show how a run did on photos: its test photos, unless others are chosen."""
    target = picked_target(run, key="result")
    if target is None:
        return
    with state.told():
        if is_own_test(run.folder, target):
            _on_test(run, Target("", "test"))
        else:
            _on_others(run, target)


def _on_test(run: Listed, target: Target) -> None:
    found = evaluation_of(run.folder)
    if found is None:
        if not own_dataset(state.workspace(), run.folder).of_split("test"):
            st.info(_("This dataset has no test photos."), icon=":material/info:")
            return
        st.markdown(
            _("The test photos have not been looked at for {run} yet.").format(run=plain(run.title)))
        _look(run, target, _("Measure on the test photos"), primary=True)
        return
    photos, said = _kept(run, target, found)
    for sentence in said_of(photos) if photos is not None else ():
        note("", sentence)
    _shown(_Looked(run, target, found, photos, said))
    controls_of(run)
    _onward()


def _on_others(run: Listed, target: Target) -> None:
    photos = chosen(state.workspace(), run.folder, target)
    for sentence in (*said_of(photos), *_about(target)):
        note("", sentence)
    said = kept(run.folder, target, photos)
    if said is None:
        st.markdown(_("These {n} photos have not been looked at for {run} yet.").format(
            n=f"{len(photos.items):,}", run=plain(run.title)))
        _look(run, target, _("Measure on these photos"), primary=True)
        return
    _shown(_Looked(
        run, target, evaluating.evaluated(state.workspace(), run.folder, said), photos, said))
    _onward()


def _kept(
    run: Listed, target: Target, found: Evaluation
) -> tuple[Chosen, Predictions | None] | tuple[None, None]:
    """Return the test photos and what was said of each, where it is known and gives these figures."""
    try:
        photos = chosen(state.workspace(), run.folder, target)
        said = kept(run.folder, target, photos)
    except (BadInput, NotFound):
        # A dataset that is gone, or has no such photos any more, hides no figures that were measured before.
        return None, None
    return photos, said if said is not None and is_counted(said, found) else None


def _about(target: Target) -> list[str]:
    """Return what has to be known of a split of its own dataset."""
    if target.dataset:
        return []
    return {
        "validation": [_("The epoch that was kept was chosen by these photos, so this looks a little better "
                         "than it is. The test photos say how it does.")],
        "train": [_("The model has learned from these photos: this says how well it remembers them, not how "
                    "it does on new ones.")],
    }.get(target.split, [])


def _look(run: Listed, target: Target, button: str, *, primary: bool = False) -> None:
    """Show the button that looks at photos, or how far that is."""
    study(run.id, look_kind(target), title=_("Looking at the photos"), button=button,
          work=partial(evaluating.looked, state.workspace(), run.folder, target),
          icon=":material/target:", primary=primary)


def _shown(seen: _Looked) -> None:
    counted = _rates(seen.found.classes, seen.found.confusion)
    _headline(seen, counted)
    mixed, each = st.columns([3, 2], gap="large")
    with mixed:
        st.subheader(_("What it mixes up"), anchor=False)
        st.fragment(mixups)(seen.found, seen.said, seen.photos, seen.key)
    with each:
        st.subheader(_("By class"), anchor=False)
        _by_class(seen.found)
    found = _ranking(seen.said, seen.key, _changed(seen)) if seen.said is not None else None
    st.subheader(_("All figures by class"), anchor=False)
    class_table(seen.run, counted, found, seen.target.key)
    if seen.photos is None:
        st.markdown(_("The photos are not in the workspace any more, so there are no curves."))
        return
    if seen.said is None or found is None:
        st.markdown(_("What the model said of each photo was not kept, so there are no curves and no "
                      "photos to show. Looking at them once more finds it out; the figures stay."))
        _look(seen.run, seen.target, _("Look at them again"))
        return
    st.subheader(_("Each class against the others"), anchor=False)
    st.fragment(curves)(found, seen.key)
    st.subheader(_("How sure it is"), anchor=False)
    sureness(seen.run, seen.said, seen.target, seen.key)


def _changed(seen: _Looked) -> int:
    path = studied.place(seen.run.folder, f"predictions-{seen.target.key}").with_suffix(".npz")
    return path.stat().st_mtime_ns if path.is_file() else 0


@st.cache_data(max_entries=32, show_spinner=False)
def _ranking(_said: Predictions, key: str, changed: int) -> Ranking:
    """Return the curves, worked out once; ``key`` and ``changed`` tell what was said from what was not."""
    return ranking(_said)


@lru_cache(maxsize=16)
def _rates(classes: tuple[str, ...], confusion: tuple[tuple[int, ...], ...]) -> Rates:
    """Return what is counted, worked out once: its intervals take a second with a thousand classes."""
    return rates(classes, confusion)


def _headline(seen: _Looked, counted: Rates) -> None:
    found, run = seen.found, seen.run
    accuracy = found.accuracy
    always = _("Always “{name}”").format(
        name=one_line(found.classes[found.majority_class], 24))
    with st.container(border=True):
        figure, axis = st.columns([1, 1], vertical_alignment="center", gap="large")
        with figure:
            headline(_("Right on the first guess"), f"{accuracy.value:.1%}", _measured_on(seen))
        with axis:
            title = one_line(run.title, 24)
            shares([(title, accuracy), (always, found.majority)], key="overall", highlight=title)
            caption(_("Lines are 95% intervals (Wilson): for {run} from {low} to {high}. “Always” is "
                      "what naming the commonest class of the training photos each time would get; of "
                      "several that are as common, the one that is right most often here.").format(
                run=run.title, low=f"{accuracy.low:.1%}", high=f"{accuracy.high:.1%}"))
    overall_figures(counted)
    caption(about_overall())
    seen_before = looks(run.folder.report() or {}) if is_own_test(run.folder, seen.target) else 0
    if seen_before > 1:
        caption(_("These photos were looked at {n} times for this run: it went on learning after they "
                  "had been seen. Choose between epochs by validation, not by these.").format(n=seen_before))


def _measured_on(seen: _Looked) -> str:
    accuracy = seen.found.accuracy
    given = {"right": f"{accuracy.right:,}", "images": f"{accuracy.images:,}"}
    if seen.target.dataset and seen.photos is not None:
        return _("{right} of {images} photos of “{title}”").format(
            title=one_line(seen.photos.dataset.title, 60), **given)
    return {
        "test": _("{right} of {images} test photos"),
        "validation": _("{right} of {images} validation photos"),
        "train": _("{right} of {images} training photos"),
    }.get(seen.target.split, _("{right} of {images} photos")).format(**given)


def _by_class(found: Evaluation) -> None:
    rows = [
        (_class_label(found.classes[at], share.images if share else 0), share)
        for at, share in enumerate(found.by_class)
    ]
    rows.sort(key=lambda row: row[1].value if row[1] else -1.0, reverse=True)
    if len(rows) > CLASSES_IN_CHART:
        known = [row for row in rows if row[1] is not None]
        rows = known[-CLASSES_IN_CHART:]
        caption(_("The {n} classes that are found the least, of {all}.").format(
            n=len(rows), all=f"{len(found.by_class):,}"))
    shares(rows, key="by-class")
    caption(_("Found correctly, with 95% intervals. In brackets the number of photos; under {few} "
              "the interval is wide.").format(few=FEW_PHOTOS))


def _class_label(name: str, photos: int) -> str:
    return f"{one_line(name, 20)} ({photos:,})"


def _onward() -> None:
    with st.container(horizontal=True):
        if st.button(_("Try it on new photos"), type="primary", icon=":material/arrow_forward:",
                     icon_position="right"):
            st.switch_page(PLACES["predict"].script)
