"""What else takes room: photos, what was computed or downloaded, weight files."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from core import bin as bins
from core import disk as disks
from core.activations import budget
from core.activations.budget import Usage
from core.data.dataset import Summary, summaries
from core.disk import Disk, Taken
from core.i18n import _, ngettext
from core.runs.use import left_with
from core.words import bytes_text
from pages.ui import state
from pages.ui.confirm import ask_first
from pages.ui.escape import plain
from pages.ui.pieces import caption
from pages.ui.reuse import kept_text
from pages.ui.run_words import photos_text
from pages.ui.workspace_rows import action, entry, listing, rows


def photos(disk: Disk) -> None:
    """Show the datasets, newest first, and behind them those that cannot be read."""
    st.subheader(_("Photos"), anchor=False)
    if not disk.datasets:
        caption(_("No photos were taken in yet."))
    known = {each.id: each for each in summaries(state.workspace())}
    order = {each: place for place, each in enumerate(known)}
    taken = sorted(disk.datasets, key=lambda each: order.get(each.id, len(order)))
    listing(taken, lambda each: _dataset(each, known.get(each.id)), key="all-photos")


def _dataset(taken: Taken, summary: Summary | None) -> None:
    facts = [bytes_text(taken.bytes)]
    if summary is not None:
        facts = [_amount(summary), _("taken in {day}").format(day=summary.created[:10]), *facts]
    damaged = _("Damaged, cannot be read") if summary is None else ""
    with entry(f"photos-{taken.id}", taken.title, facts, said=damaged):
        delete = action(
            _("Delete"), taken.title, "delete", key=f"photos-delete-{taken.id}",
            disabled=bool(taken.in_use),
            help=plain(taken.in_use) or _(
                "They stay in the bin for {days} days. Runs that learned from them keep their models, and "
                "cannot be measured on the test photos meanwhile.").format(days=bins.KEPT_DAYS),
        )
    if not delete:
        return
    waiting = left_with(state.workspace(), taken.id)
    if waiting:
        ask_first(
            _("Delete these photos?"),
            _("{runs} cannot be resumed without them. They can be restored for {days} days.").format(
                runs=", ".join(plain(run.title, 40) for run in waiting[:5]), days=bins.KEPT_DAYS),
            _("Delete them"), lambda: _delete(taken),
        )
        return
    with state.told():
        _delete(taken)
        st.rerun()


def _delete(taken: Taken) -> None:
    bins.delete_dataset(state.workspace(), taken.id, by=state.who())
    state.say_next(_("The photos “{photos}” are in the bin for {days} days.").format(
        photos=plain(taken.title, 40), days=bins.KEPT_DAYS))


def _amount(summary: Summary) -> str:
    classes = ngettext("{n} class", "{n} classes", summary.classes).format(n=f"{summary.classes:,}")
    return _("{photos} in {classes}").format(
        photos=photos_text(summary.images, views=False), classes=classes)


def caches_and_weights(disk: Disk) -> None:
    """Show what was computed, downloaded or brought along, and remove what can be."""
    others = disk.downloads + disk.incoming
    if not (disk.activations or disk.thumbnails or disk.weights or others):
        return
    st.subheader(_("Caches and weights"), anchor=False)
    with rows():
        _caches(disk)
        listing(disk.weights, _weights, key="all-weights")
    if disk.downloads:
        caption(_("Downloaded weights and measured speeds take {size}.").format(
            size=bytes_text(disk.downloads)))
    if disk.incoming:
        caption(_("Photos that are on their way in take {size}.").format(size=bytes_text(disk.incoming)))


def _caches(disk: Disk) -> None:
    workspace = state.workspace()
    if disk.activations:
        kept = Usage(disk.activations, disk.activations_in_use, budget.budget_of(workspace))
        _cache(
            "activations", _("What frozen parts made of photos"), kept_text(kept),
            _("It is computed again when it is needed."), lambda: budget.clear(workspace),
            disabled=disk.activations <= disk.activations_in_use,
        )
    if disk.thumbnails:
        _cache(
            "thumbnails", _("Small pictures of photos"), bytes_text(disk.thumbnails),
            _("They are made again where somebody looks."), lambda: disks.clear_thumbnails(workspace),
        )


def _cache(
    key: str, title: str, amount: str, help: str, clear: Callable[[], int], *, disabled: bool = False
) -> None:
    with entry(key, title, (amount,)):
        pressed = action(
            _("Clear"), title, "mop", key=f"{key}-clear", disabled=disabled,
            help=_("Runs use all of it just now.") if disabled else help,
        )
    if pressed:
        with state.told():
            state.say_next(_("{size} are free again.").format(size=bytes_text(clear())))
            st.rerun()


def _weights(taken: Taken) -> None:
    facts = (_("weight file that somebody brought along"), bytes_text(taken.bytes))
    with entry(f"weights-{taken.id}", taken.title, facts):
        delete = action(
            _("Delete"), taken.title, "delete", key=f"weights-delete-{taken.id}",
            help=plain(taken.in_use), disabled=bool(taken.in_use),
        )
    if delete:
        ask_first(
            _("Delete this weight file?"),
            _("{file} is removed for good: it does not go into the bin. Runs that started from it keep "
              "their models.").format(file=plain(taken.title)),
            _("Delete it"), lambda: disks.delete_weights(state.workspace(), taken.id),
        )
