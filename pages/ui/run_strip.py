"""The strip at the foot of every page but Train: the run that is going on, and the way to it."""

from __future__ import annotations

from typing import Any

from core.i18n import _
from core.words import about_text
from pages.ui.component import emphasised, noted, register
from pages.ui.run_progress import RunFigures, extracted_text, progress_label, shown_share
from pages.ui.run_words import percent_text, strip_template


def run_strip(data: dict[str, Any], *, key: str, live: str = "", href: str = "/train") -> bool:
    """Show the strip and return True in the one script run after "Open" was pressed.

    Call it inside ``with st.bottom:``, and go to the page with ``st.switch_page`` when it returns
    True: that stays in the session, which following the address itself would not.

    Args:
        data: What :func:`strip_data` made of the run.
        key: The component's key, unique on the page.
        live: The address that newer data are asked for at, see :mod:`pages.ui.live`; empty for none. The
            fragment that mounts it runs again as soon as another turn comes from there.
        href: The address of the run's page, for opening it in another tab.

    Returns:
        Whether the person asked to see the run.
    """
    result = register("run_strip", with_files=("marks", "live_poll"))(
        key=key,
        data={**data, "open": _("Open"), "href": href, "live": live},
        on_open_change=noted, on_turn_change=noted,
    )
    return bool(result.get("open"))


def strip_data(
    title: str, figures: RunFigures, validation_accuracy: float | None = None
) -> dict[str, Any]:
    """Return what is drawn, as JSON has it.

    Args:
        title: What the run is called, shown letter by letter.
        figures: What is known of the run.
        validation_accuracy: The last one measured, from 0 to 1.
    """
    return {
        "state": figures.state,
        "title": emphasised(strip_template(figures.state), run=title),
        "detail": strip_detail(figures, validation_accuracy),
        "figure": percent_text(figures.share),
        "share": shown_share(figures),
        "spoken": percent_text(figures.share) or _("not known yet"),
        "label": progress_label(figures),
        "cold": figures.extracting,
        # With the run's work ends the strip, or the next one has its turn.
        "turn": "work" if figures.at_work else "rest",
    }


def strip_detail(figures: RunFigures, validation_accuracy: float | None) -> str:
    """Return epoch or photos seen, validation accuracy and time left, as far as they are known."""
    said = [extracted_text(figures)] if figures.extracting else []
    if figures.epoch is not None and figures.epochs is not None:
        said.append(
            _("Epoch {epoch} of {epochs}").format(epoch=figures.epoch, epochs=figures.epochs)
        )
    if validation_accuracy is not None:
        said.append(
            _("validation {accuracy}").format(accuracy=percent_text(validation_accuracy, digits=1))
        )
    if figures.at_work and figures.seconds_left is not None:
        said.append(_("about {time} left").format(time=about_text(figures.seconds_left)))
    return " · ".join(said)
