"""What the Compare page says of the chosen runs: what differs, and whether it is more than chance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import streamlit as st

from core.i18n import _
from core.insight.comparison import HARDLY_CHANCE, Pair, against
from core.insight.plan_differences import Setting, settings
from core.runs.about import About
from core.runs.results import answers_of
from pages.ui.compare_rows import Row, best_of
from pages.ui.escape import cut_apart, distinct, one_line
from pages.ui.pieces import caption, note, text

NAME_SHOWN, MOST_SHOWN = 28, 44
SHORT = 14
NAMED = 3
_REFERENCE = "compare_reference"


def titles_of(rows: Sequence[Row]) -> list[str]:
    """Return what the runs are called on this page: each differently; text from outside."""
    return distinct(cut_apart([row.run.title for row in rows], NAME_SHOWN, MOST_SHOWN))


def short_titles_of(rows: Sequence[Row]) -> list[str]:
    """Return what the runs are called where there is little room, each differently.

    Those that would be called the same are called by their numbers.
    """
    cut = cut_apart([row.run.title for row in rows], SHORT)
    same = Counter(cut)
    return distinct([
        name if same[name] == 1 else About(row.run.number).title for name, row in zip(cut, rows, strict=True)
    ])


def what_differs(rows: Sequence[Row]) -> None:
    """Show the settings in which runs differ, and the others to be opened."""
    found = settings([row.run.plan for row in rows])
    differing = [each for each in found if each.differs]
    same = [each for each in found if not each.differs and each.everywhere]
    partly = [each for each in found if not each.differs and not each.everywhere]
    titles = titles_of(rows)
    if differing:
        _table(_("What differs between these runs"), titles, differing, marked=True)
        caption(_("Bold: not as in {run}.").format(run=titles[0]))
    else:
        st.markdown(_("These runs have the same settings."))
    named = _("The rest is the same: {names} and more").format(
        names=", ".join(each.label for each in same[:NAMED]))
    with st.expander(named, icon=":material/equal:"):
        _table(_("What is the same in these runs"), titles, [*same, *partly], marked=False)
        if partly:
            caption(_("A dash: it means nothing there."))


def _table(title: str, titles: Sequence[str], found: Sequence[Setting], *, marked: bool) -> None:
    """Show settings in rows and runs in columns; what is not as in the first run stands out."""
    head = "".join(f'<th scope="col">{text(each)}</th>' for each in ("", *titles))
    body = "".join(
        f'<tr><th scope="row">{text(each.label)}</th>'
        + "".join(_cell(value, strong=marked and at > 0 and value != each.values[0])
                  for at, value in enumerate(each.values)) + "</tr>"
        for each in found
    )
    st.html(
        f'<div class="thaw-wide" style="max-width:none"><table class="thaw-choices" '
        f'aria-label="{text(title)}"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
    )


def _cell(value: str | None, *, strong: bool) -> str:
    inside = "–" if value is None else text(one_line(value, 200))
    wrapped = ' style="white-space:normal;min-width:6rem"'
    if not strong:
        return f"<td{wrapped}>{inside}</td>"
    return f'<td{wrapped}><b style="color:var(--thaw-text)">{inside}</b></td>'


def is_it_chance(rows: Sequence[Row]) -> Row:
    """Say of a run and each of the others whether they differ by more than chance.

    Returns:
        The run that the others are compared with.
    """
    measured = [row for row in rows if row.result.test is not None]
    if len(measured) < 2:
        caption(_("It takes two runs that were measured on the test photos to compare them photo by photo."))
        return measured[0] if measured else best_of(rows) or rows[0]
    titles = dict(zip([row.id for row in rows], titles_of(rows), strict=True))
    first = _reference(measured, titles)
    others = [row for row in rows if row.id != first.id]
    told = [(titles[row.id], answers_of(row.run, row.result.test)) for row in (first, *others)]
    pairs = against(told[0], told[1:])
    for pair in pairs:
        note("", pair.sentence, sign=_sign(pair))
    tests = max(pair.tests for pair in pairs)
    if any(pair.paired is not None for pair in pairs):
        caption(_about_the_test(tests))
    return first


def _reference(measured: Sequence[Row], titles: dict[str, str]) -> Row:
    """Return the run that the others are compared with: the best by validation unless another is chosen."""
    by_id = {row.id: row for row in measured}
    usual = best_of(measured) or measured[0]
    if len(measured) == 2:
        return usual
    key = f"{_REFERENCE}_{'_'.join(sorted(by_id))}"
    chosen = st.selectbox(
        _("Compared with the others"), list(by_id), list(by_id).index(usual.id), key=key,
        format_func=lambda each: titles[each],
        help=_("The best one by validation unless you choose another."),
    )
    return by_id.get(chosen or "", usual)


def _sign(pair: Pair) -> str:
    return "good" if pair.p is not None and pair.p < HARDLY_CHANCE else "info"


def _about_the_test(tests: int) -> str:
    said = _("McNemar's exact test on the same test photos. p is how often chance alone would part two "
             "equally good models so far; under {limit} is taken for hardly chance. It speaks of these "
             "trained models: with another seed a recipe may do better or worse.").format(limit=HARDLY_CHANCE)
    if tests < 2:
        return said
    return said + " " + _("With several comparisons Holm's correction makes up for there being several.")
