"""Where a run's network looks in one photo: for a page that has just said what the photo shows."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
import streamlit as st

from core.i18n import _
from core.insight.sureness import is_sure
from core.runs.folder import require_model
from core.runs.listing import Listed
from pages.ui import state
from pages.ui.escape import one_line
from pages.ui.heatmap_pictures import DRAWS, Explained, explained, ramp, side_by_side, unlearned
from pages.ui.heatmap_words import block_box, class_box, compared, percent, reading
from pages.ui.pieces import caption, note
from pages.ui.predict_threshold import AS_IT_IS, Judging


def heatmap_panel(run: Listed, image: bytes, key: str, how: Judging = AS_IT_IS) -> None:
    """Show a switch, and below it where the network looks in a photo.

    Nothing is computed before it is switched on. What goes wrong is said in place.

    Args:
        run: A run with a model.
        image: What is in the photo's file.
        key: Of ours, unique on the page for this photo's place.
        how: How what the network says is read on this page.
    """
    if not st.toggle(_("Show where it looks"), key=f"{key}-on"):
        return
    with state.told():
        _panel(run, image, key, how)


def _panel(run: Listed, image: bytes, key: str, how: Judging) -> None:
    from core.insight.predict import loaded

    with st.spinner(_("Loading the model")):
        classes = loaded(require_model(run.folder)).classes
    for_class, of_block = st.columns(2)
    with for_class:
        wanted = class_box(run, classes, key, told=False)
    with of_block:
        block = block_box(run, key)
    digest = hashlib.sha256(image).hexdigest()
    with st.spinner(_("Finding where it looks")):
        found = explained(run, image, digest, block, wanted)
    pictures = [(found.photo, _("Photo")), (found.overlay, _("Where it looks"))]
    if st.toggle(_("Compare with a head that has learned nothing"), key=f"{key}-random"):
        with st.spinner(_("Finding where it would look")):
            other = unlearned(run, image, digest, block, found)
        pictures.append((other.overlay, _("Random head")))
        side_by_side(pictures, spoken(found, classes, how=how))
        strong, sentence, sign = compared(other.likeness, DRAWS)
        note(strong, sentence, sign=sign)
    else:
        side_by_side(pictures, spoken(found, classes, how=how))
    ramp()
    caption(reading())


def spoken(found: Explained, classes: tuple[str, ...], is_of: str = "", how: Judging = AS_IT_IS) -> str:
    """Say what the network says of a photo, what it is where that is known, and for what the map is.

    Args:
        found: What was found out.
        classes: The model's classes; text from outside.
        is_of: The class that the photo is of; empty where that is not known.
        how: How what the network says is read.
    """
    read = how.read(np.asarray(found.probabilities, np.float32))
    found = replace(found, probabilities=tuple(float(each) for each in read))
    said = one_line(classes[found.said], 40)
    sure = percent(found.probabilities[found.said])
    told = _("Says {said} ({sure}).") if is_sure(read, how.threshold) else _(
        "Not sure; the likeliest is {said} ({sure}).")
    told = told.format(said=said, sure=sure)
    if is_of:
        right = is_of == classes[found.said]
        told = (
            _("Said {said} ({sure}), which it is.") if right else _("Said {said} ({sure}), is {true}.")
        ).format(said=said, sure=sure, true=one_line(is_of, 40))
    name = one_line(classes[found.chosen], 40)
    if found.empty:
        return told + " " + _("Nothing in it speaks for {name} in this block.").format(name=name)
    if found.chosen == found.said:
        return told
    return told + " " + _("The map is for {name} ({sure}).").format(
        name=name, sure=percent(found.probabilities[found.chosen]))
