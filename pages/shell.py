"""The shell around every page: navigation, look, and the strip of the running training."""

from __future__ import annotations

import streamlit as st

from core.i18n import _
from core.journey import Journey, Progress
from core.runs.listing import Listed, listed, working
from pages.ui import state
from pages.ui.live import ANYWAY_EVERY_S, live_url
from pages.ui.places import PLACES, Place
from pages.ui.run_actions import your_name
from pages.ui.run_figures import figures, validation_accuracy
from pages.ui.run_strip import run_strip, strip_data
from pages.ui.style import FAVICON, apply_style

ICONS = {Progress.DONE: "check_circle", Progress.LOCKED: "lock"}


def main() -> None:
    st.set_page_config(page_title="Thaw", page_icon=str(FAVICON), layout="wide")
    journey = state.stand()
    apply_style(
        done=_addresses(journey, Progress.DONE), locked=_addresses(journey, Progress.LOCKED)
    )
    page = st.navigation(_navigation(journey))
    st.set_page_config(page_title=_("{page} · Thaw").format(page=page.title))
    asked = st.session_state.pop(state.OPEN_RUN, None)
    if asked is not None:
        state.look_at(asked)
        st.switch_page(PLACES["train"].script)
    state.say_now()
    with st.sidebar:
        your_name()
    page.run()
    run = working(listed(state.workspace()))
    on_train = page.url_path == PLACES["train"].address
    if run is not None and not _shown(run, on_train=on_train):
        with st.bottom:
            st.fragment(_strip, run_every=ANYWAY_EVERY_S)(on_train)


def _shown(run: Listed, *, on_train: bool) -> bool:
    """Tell whether the page itself shows this run, so that no strip is needed."""
    return on_train and st.session_state.get(state.SHOWN_RUN) == run.id


def _navigation(journey: Journey) -> dict[str, list[st.Page]]:
    groups: dict[str, list[st.Page]] = {}
    for place in PLACES.values():
        groups.setdefault(place.group, []).append(_page(place, journey))
    return groups


def _page(place: Place, journey: Journey) -> st.Page:
    step = journey.steps.get(place.name)
    icon = place.icon if step is None else ICONS.get(step.progress, place.icon)
    return st.Page(
        place.script, title=place.title, icon=f":material/{icon}:",
        url_path=place.address or None, default=place.name == "start",
    )


def _addresses(journey: Journey, progress: Progress) -> list[str]:
    return [
        PLACES[name].address for name, step in journey.steps.items() if step.progress is progress
    ]


def _strip(on_train: bool) -> None:
    run = working(listed(state.workspace()))
    if run is None or _shown(run, on_train=on_train):
        # The training has ended, or is now on the page: let the whole page see it, this strip included.
        st.rerun()
    opened = run_strip(
        strip_data(run.title, figures(run), validation_accuracy(run)), key="strip", live=live_url(run.id)
    )
    if opened:
        # NOTE: not st.switch_page. From a fragment that ticks it sometimes left the browser with
        # parts of two pages, which it cannot draw.
        st.session_state[state.OPEN_RUN] = run.id
        st.rerun()


main()
