"""Does it hold up? Accuracy on the test photos made worse, and what they then look like."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import streamlit as st

from core.i18n import _, ngettext
from core.insight.comparison import HARDLY_CHANCE, p_text
from core.insight.corruptions import CORRUPTIONS, STRENGTHS, corrupted, titles
from core.runs.listing import Listed
from core.runs.work import evaluation_of
from core.studies.holding_up import VERSIONS, HoldingUp, Worse, holding_up, kept_holding_up
from core.studies.target import Chosen, Target, chosen, own_dataset
from pages.ui import state
from pages.ui.pieces import caption, note, text, thumb_grid
from pages.ui.robust_chart import amounts, lines, share_text, strengths, table
from pages.ui.study import study

EXAMPLE_PX = 176
_OWN_PX = 120
_MIDDLE = 2


def robust(run: Listed) -> None:
    """Show how a run does on its test photos, or where there are none on validation photos, made worse."""
    workspace = state.workspace()
    split = "test" if own_dataset(workspace, run.folder).of_split("test") else "validation"
    photos = chosen(workspace, run.folder, Target("", split))
    st.markdown(_("The same photos blurred, darkened, noisy, turned and JPEG-crushed, each at three "
                  "strengths: where does it begin to fail?"))
    found = kept_holding_up(run.folder, photos, split)
    if found is None:
        _not_known(run, split, len(photos.items))
    else:
        _figures(found)
    _example(run, photos)
    for sentence in _said_of_strengths():
        caption(sentence)


def _not_known(run: Listed, split: str, count: int) -> None:
    said = ngettext(
        "{n} photo is looked at {times} times.", "{n} photos are looked at {times} times each.", count
    ).format(n=f"{count:,}", times=len(VERSIONS))
    if split == "validation":
        said += " " + _("There are no test photos, so it is measured on validation photos.")
    elif evaluation_of(run.folder) is None:
        said += " " + _("That is the first look at the test photos of this run, and counts as one.")
    study(
        run.id, f"holding-up-{split}", title=_("Looking at the photos made worse"),
        button=_("See whether it holds up"), primary=True,
        work=partial(holding_up, state.workspace(), run.folder, split),
    )
    caption(said)


def _figures(found: HoldingUp) -> None:
    strong, sentence, sign = verdict(found)
    note(strong, sentence, sign=sign)
    caption(where_it_fails(found))
    lines(found)
    test = found.split == "test"
    of = ngettext("{n} test photo", "{n} test photos", found.clean.images) if test else ngettext(
        "{n} validation photo", "{n} validation photos", found.clean.images)
    caption(_("Measured on {photos}, always the same ones; dotted: as they are, {clean}. Thin lines and "
              "brackets are 95% intervals (Wilson). Read it to know where the model may be used; choosing "
              "between models by test photos would wear them out.").format(
        photos=of.format(n=f"{found.clean.images:,}"), clean=share_text(found.clean)))
    table(found)


def verdict(found: HoldingUp) -> tuple[str, str, str]:
    """Return what the figures say: the gist, the sentence with figures, and the sign that goes with it."""
    at_middle = {kind: found.at(kind)[_MIDDLE - 1] for kind in titles()}
    # NOTE: the lowest accuracy is not always a loss: where some photos are won too, it may be chance.
    beyond = {kind: each for kind, each in at_middle.items() if _is_loss(each)}
    kind, worst = min((beyond or at_middle).items(), key=lambda each: each[1].share.value)
    figures = _("{kind}, {strength}: {worse} instead of {clean}; {lost} photos lost, {won} won.").format(
        kind=titles()[kind], strength=strengths()[_MIDDLE], worse=share_text(worst.share),
        clean=share_text(found.clean), lost=f"{worst.lost:,}", won=f"{worst.won:,}")
    tested = _("By McNemar’s exact test, corrected after Holm for all {n} figures: {p}.").format(
        n=len(found.worse), p=p_text(worst.p))
    if beyond:
        gist = _("{kind} photos cost it the most at middle strength.").format(kind=titles()[kind])
        return gist, f"{figures} {tested}", "warning"
    return _("At middle strength no loss is beyond chance."), f"{figures} {tested}", "info"


def _is_loss(each: Worse) -> bool:
    return each.p < HARDLY_CHANCE and each.lost > each.won


def where_it_fails(found: HoldingUp) -> str:
    """Return from which strength on each corruption costs more than chance would, in one sentence."""
    begin, never = [], []
    for kind, name in titles().items():
        first = next((strength for strength, each in zip(strengths(), found.at(kind), strict=True)
                      if _is_loss(each)), None)
        if first is None:
            never.append(name)
        else:
            begin.append(_("{kind} from {strength}").format(kind=name, strength=strengths()[first]))
    said = [_("It loses more than chance would: {kinds}.").format(kinds=", ".join(begin))] if begin else []
    if never:
        said.append(_("At no strength beyond chance: {kinds}.").format(kinds=", ".join(never)))
    return " ".join(said)


def _example(run: Listed, photos: Chosen) -> None:
    """Show one photo in all versions, with a way to another one."""
    st.subheader(_("What is done to the photos"), anchor=False)
    kept = f"worse-example-{run.id}"
    at = st.session_state.get(kept, 0) % len(photos.items)
    item = photos.items[at]
    own, worse = _versions(photos.dataset.file(item), item.digest, run.plan.size)
    thumb_grid([own], [_("As it is")], alts=[_("As it is")], edge=_OWN_PX)
    head = "".join(f'<th scope="col">{text(each)}</th>' for each in ("", *strengths().values()))
    rows = ""
    for kind, name in titles().items():
        rows += _row(name, [
            (worse[kind, strength], f"{name}, {said}") for strength, said in strengths().items()])
    st.html(
        f'<div class="thaw-wide"><table class="thaw-choices" aria-label="{text(_("One photo made worse"))}">'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )
    st.button(_("Another photo"), key="worse-another", icon=":material/refresh:",
              on_click=lambda: st.session_state.update({kept: at + 1}))


def _row(name: str, pictures: Sequence[tuple[str, str]]) -> str:
    cells = "".join(f"<td>{_picture(address, alt)}</td>" for address, alt in pictures)
    return f'<tr><th scope="row" style="vertical-align:middle">{text(name)}</th>{cells}</tr>'


@st.cache_data(max_entries=32, show_spinner=False)
def _versions(_file: Path, digest: str, size: int) -> tuple[str, dict[tuple[str, int], str]]:
    """Return a photo as the network sees it, and made worse, as data addresses."""
    from core.data.images import load_array

    image = load_array(_file, size)
    worse = {
        (name, strength): _address(corrupted(image, name, strength, digest))
        for name in CORRUPTIONS for strength in STRENGTHS
    }
    return _address(image), worse


def _address(image: object) -> str:
    import numpy as np
    from PIL import Image

    picture = Image.fromarray(np.asarray(image))
    picture.thumbnail((EXAMPLE_PX, EXAMPLE_PX), Image.Resampling.BILINEAR)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=85)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def _picture(address: str, alt: str) -> str:
    return (f'<img src="{text(address, len(address))}" alt="{text(alt)}" '
            'style="width:100%;max-width:120px;border-radius:8px;display:inline-block">')


def _said_of_strengths() -> tuple[str, str]:
    """Say how strong each corruption is, and how this differs from the benchmark that it follows."""
    each = "; ".join(_("{kind}: {amounts}").format(kind=name, amounts=amounts()[kind])
                     for kind, name in titles().items())
    return (
        _("Weak, middle and strong: {each}. Each is done to the picture as the network gets it.").format(
            each=each),
        _("After ImageNet-C (Hendrycks and Dietterich 2019), and not the same: blur, noise and JPEG are as "
          "strong as its severities 1, 3 and 5, darkening and turning are not in it; it has 15 kinds at five "
          "severities, and gives errors relative to those of AlexNet."),
    )
