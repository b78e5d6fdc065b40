"""The head of the Train page: where the run is, how long it takes, how fast it goes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from core.i18n import _, ngettext
from core.runs.status import State
from core.words import about_text, duration_text
from pages.ui.component import Parts, emphasised, noted, register
from pages.ui.run_words import (
    headline_template,
    percent_text,
    photos_text,
    thawed_text,
)


@dataclass(frozen=True)
class RunFigures:
    """What is known of a run; None stands for what is not known (yet).

    Args:
        state: queued, preparing, training, paused, finished, stopped, failed or interrupted.
        epoch: The epoch under way, or the last one that was completed, from 1.
        epochs: How many are planned.
        share: How much of the whole run is done, from 0 to 1.
        seconds: Time since its start.
        seconds_left: Estimated time to its end.
        step: The step within the epoch, from 1, and ``steps`` how many an epoch has.
        photos_per_second: How fast it trains.
        thawed_blocks: How many blocks of the backbone learn.
        place: Its place in the queue, from 1, while queued.
        extracted: How many photos the frozen part has seen, while it goes through them, and
            ``to_extract`` how many it has to see; with ``views`` each view of a photo is counted.
        phase: What is being done beside learning (preparing, validating), a short phrase in the
            reader's language; empty while it learns.
    """

    state: str
    epoch: int | None = None
    epochs: int | None = None
    share: float | None = None
    seconds: float | None = None
    seconds_left: float | None = None
    step: int | None = None
    steps: int | None = None
    photos_per_second: float | None = None
    thawed_blocks: int | None = None
    place: int | None = None
    extracted: int | None = None
    to_extract: int | None = None
    views: bool = False
    phase: str = ""

    @property
    def at_work(self) -> bool:
        """Whether somebody works on it just now."""
        return State(self.state).at_work

    @property
    def extracting(self) -> bool:
        """Whether the frozen part goes through the photos just now."""
        return self.state == "preparing" and self.extracted is not None and self.to_extract is not None


def run_progress(figures: RunFigures, *, key: str, live: str = "", turn: str = "") -> None:
    """Show the run's headline, bar and the small figures below it.

    The parts stay in place from tick to tick: only what changed is written.

    Args:
        figures: What is known of the run.
        key: The component's key, unique on the page.
        live: The address that newer data are asked for at, see :mod:`pages.ui.live`; empty for none.
        turn: What is drawn around it depends on this; the fragment that mounts it runs again as soon as
            another one comes from that address.
    """
    register("progress", with_files=("marks", "live_poll"))(
        key=key, data={**progress_data(figures), "live": live, "turn": turn}, on_turn_change=noted,
    )


def progress_data(figures: RunFigures) -> dict[str, Any]:
    """Return what is drawn, as JSON has it."""
    return {
        "state": figures.state,
        "headline": headline_parts(figures),
        "pill": "" if figures.thawed_blocks is None else thawed_text(figures.thawed_blocks),
        "all_frozen": figures.thawed_blocks == 0,
        "left": left_parts(figures),
        "share": shown_share(figures),
        "spoken": percent_text(figures.share) or _("not known yet"),
        "label": progress_label(figures),
        "cold": figures.extracting,
        "below_left": below_left_text(figures),
        "below_right": below_right_text(figures),
    }


def shown_share(figures: RunFigures) -> float | None:
    """Return how much of the bar is filled; None, a bar on the move, only while something is done."""
    return figures.share if figures.at_work else figures.share or 0.0


def progress_label(figures: RunFigures) -> str:
    """Return what the bar measures, for those who do not see it."""
    return _("Photos seen by the frozen part") if figures.extracting else _("Progress of the run")


def headline_parts(figures: RunFigures) -> Parts:
    """Return the headline, such as *Epoch 7* of 15, with its emphasis."""
    epoch_known = figures.epoch is not None and figures.epochs is not None
    if figures.state == "queued" and figures.place is not None:
        return emphasised(_("*Waiting*, number {place} in the queue"), place=figures.place)
    if not epoch_known or figures.state in ("queued", "preparing"):
        if figures.phase:
            return emphasised("*{phase}*", phase=figures.phase)
        return emphasised(headline_template(figures.state))
    sentence = {
        "training": _("*Epoch {epoch}* of {epochs}"),
        "paused": _("*Paused* in epoch {epoch} of {epochs}"),
        "finished": _("*Finished* after epoch {epoch} of {epochs}"),
        "stopped": _("*Stopped* in epoch {epoch} of {epochs}"),
        "failed": _("*Did not finish*, reached epoch {epoch} of {epochs}"),
        "interrupted": _("*Interrupted* in epoch {epoch} of {epochs}"),
    }[figures.state]
    return emphasised(sentence, epoch=figures.epoch, epochs=figures.epochs)


def left_parts(figures: RunFigures) -> Parts:
    """Return the time left, emphasised; nothing where there is none to tell."""
    if not figures.at_work or figures.seconds_left is None:
        return ()
    return emphasised(_("about *{time}* left"), time=about_text(figures.seconds_left))


def below_left_text(figures: RunFigures) -> str:
    """Return how long the run has taken."""
    if figures.seconds is None or figures.state == "queued":
        return ""
    sentence = (
        _("{time} so far") if figures.at_work or figures.state == "paused" else _("{time}")
    )
    return sentence.format(time=duration_text(figures.seconds))


def below_right_text(figures: RunFigures) -> str:
    """Return the step within the epoch and the speed, or the photos seen, as far as they are known."""
    if figures.extracting:
        return " · ".join([extracted_text(figures), *_speed(figures)])
    if figures.state not in ("training", "paused"):
        return ""
    if figures.phase and figures.epoch is not None:
        return figures.phase
    said = []
    if figures.step is not None and figures.steps is not None:
        said.append(_("step {step} of {steps}").format(step=figures.step, steps=figures.steps))
    if figures.state == "training":
        said += _speed(figures)
    return " · ".join(said)


def extracted_text(figures: RunFigures) -> str:
    """Return how many photos the frozen part has seen: ``"412 of 2,530 photos"``; empty for none."""
    if not figures.extracting or figures.extracted is None or figures.to_extract is None:
        return ""
    return _("{done} of {photos}").format(
        done=f"{figures.extracted:,}", photos=photos_text(figures.to_extract, views=figures.views))


def _speed(figures: RunFigures) -> list[str]:
    if figures.photos_per_second is None:
        return []
    rate = round(figures.photos_per_second)
    said = (
        ngettext("{rate} view a second", "{rate} views a second", rate)
        if figures.extracting and figures.views
        else ngettext("{rate} photo a second", "{rate} photos a second", rate)
    )
    return [said.format(rate=f"{rate:,}")]
