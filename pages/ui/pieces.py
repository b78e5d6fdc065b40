"""Small pieces of a page that Streamlit has no element for, as HTML in which all text is escaped."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

import streamlit as st

from pages.ui.component import Parts
from pages.ui.escape import one_line

SIGNS = ("error", "warning", "info", "good", "rising", "ice", "fire")

_LONGEST = 600
# What the figures of many runs say is longer than any text from outside is shown.
LONGEST_SENTENCE = 2000


def text(value: str, longest: int = _LONGEST) -> str:
    """Return ``value`` so that HTML shows it letter by letter, in an attribute too."""
    return html.escape(one_line(value, longest), quote=True)


def lede(sentence: str) -> None:
    """Show the one or two sentences under a page's title."""
    st.html(f'<p class="thaw-lede">{text(sentence)}</p>')


def caption(sentence: str) -> None:
    """Show a small, quiet sentence; unlike ``st.caption`` it takes outside text as it is."""
    st.html(f'<div class="thaw-caption">{text(sentence)}</div>')


def stats_row(figures: Iterable[tuple[str, str]]) -> None:
    """Show figures with their captions side by side."""
    st.html(_stats(figures))


def facts_card(title: str, figures: Iterable[tuple[str, str]]) -> None:
    """Show a titled card of figures, two in a row."""
    st.html(
        f'<div class="thaw-card take"><h3 class="thaw-title">{text(title)}</h3>'
        f"{_stats(figures)}</div>"
    )


def headline(name: str, figure: str, note: str) -> None:
    """Show a page's one big result: what it is, the figure, what it was measured on."""
    st.html(
        f'<div class="thaw-headline"><div class="name">{text(name)}</div>'
        f'<div class="figure">{text(figure)}</div><div class="caption">{text(note)}</div></div>'
    )


def legend(entries: Iterable[tuple[str, str]]) -> None:
    """Show what the colours of the chart below stand for: words, and a colour of ours for each."""
    items = "".join(
        f'<li><i style="background:{text(colour)}"></i>{text(words)}</li>' for words, colour in entries
    )
    st.html(f'<ul class="thaw-legend">{items}</ul>')


def choice_table(
    title: str, head: Sequence[str], rows: Sequence[Sequence[str]], *, chosen: int
) -> None:
    """Show what each of a few choices means, figures in columns, the chosen row standing out.

    Args:
        title: What the table says, for who hears it.
        head: What each column is.
        rows: A row for each choice, its name first.
        chosen: Which row is chosen, from 0.
    """
    above = "".join(f'<th scope="col">{text(each)}</th>' for each in head)
    body = "".join(
        ('<tr class="chosen" aria-current="true">' if at == chosen else "<tr>")
        + f'<th scope="row">{text(name)}</th>'
        + "".join(f"<td>{text(each)}</td>" for each in cells) + "</tr>"
        for at, (name, *cells) in enumerate(rows)
    )
    st.html(
        f'<div class="thaw-wide"><table class="thaw-choices" aria-label="{text(title)}">'
        f"<thead><tr>{above}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def problem_list(problems: Iterable[tuple[str, str, str]]) -> None:
    """Show problems as one card.

    Args:
        problems: Level (one of ``SIGNS``, in use: error, warning, info), title, and what to do.
    """
    items = "".join(
        f"<li>{_sign(level)}<span><b>{text(title)}</b> {text(message)}</span></li>"
        for level, title, message in problems
    )
    st.html(f'<ul class="thaw-problems">{items}</ul>')


def note(strong: str, sentence: str, *, sign: str = "info") -> None:
    """Show a quiet band with a sign: a judgement on what is seen above it."""
    st.html(
        f'<div class="thaw-note">{_sign(sign)}'
        f"<span><b>{text(strong)}</b> {text(sentence, LONGEST_SENTENCE)}</span></div>"
    )


def thumb_grid(
    addresses: Sequence[str],
    captions: Sequence[str | Parts] = (),
    *,
    alts: Sequence[str] = (),
    edge: int = 76,
) -> None:
    """Show square pictures in a grid.

    Args:
        addresses: Where each picture is: a path on this server, or a data address.
        captions: A line under each, or none at all: text, or parts from ``emphasised``.
        alts: What each picture shows, for those who do not see it; the caption unless told.
        edge: The least width of a picture in pixels.

    Raises:
        ValueError: An address that would lead to another machine.
    """
    items = []
    for place, address in enumerate(addresses):
        below = _parts(captions[place]) if place < len(captions) else ()
        alt = alts[place] if place < len(alts) else "".join(piece for piece, _ in below)
        line = f"<p>{_emphasised(below)}</p>" if below else ""
        items.append(
            f'<li><img src="{_own(address)}" alt="{text(alt)}" loading="lazy">{line}</li>'
        )
    st.html(f'<ul class="thaw-thumbs" style="--edge:{int(edge)}px">{"".join(items)}</ul>')


def picture_row(addresses: Sequence[str], *, words: str = "", icon: str = "") -> None:
    """Show pictures in a row, or ``words`` where there are none.

    Args:
        addresses: Where each picture is; see :func:`thumb_grid`.
        words: What stands in the frame without pictures.
        icon: A sign of ``SIGNS`` before the words.
    """
    if addresses:
        inside = "".join(f'<img src="{_own(each)}" alt="">' for each in addresses)
        st.html(f'<div class="thaw-art" aria-hidden="true">{inside}</div>')
        return
    before = _sign(icon) if icon else ""
    st.html(f'<div class="thaw-art words">{before}<span>{text(words)}</span></div>')


def share_bars(rows: Iterable[tuple[str, float, str]]) -> None:
    """Show names with a bar and a figure each, the first one standing out.

    Args:
        rows: Name, share from 0 to 1, and the figure as text.
    """
    cells = []
    for place, (name, share, figure) in enumerate(rows):
        first = " first" if place == 0 else ""
        width = 100 * min(1.0, max(0.0, share))
        cells.append(
            f'<span class="name{first}">{text(name)}</span>'
            f'<span class="track{first}"><i style="width:{width:.1f}%"></i></span>'
            f'<span class="figure{first}">{text(figure)}</span>'
        )
    st.html(f'<div class="thaw-bars">{"".join(cells)}</div>')


def thaw_row(frozen: int = 7, learning: int = 3) -> None:
    """Show the start page's row of tiles, frozen to thawed. It is decoration and says nothing."""
    first = 0.45
    tiles = [
        f'<span style="opacity:{first + (1 - first) * place / max(1, frozen - 1):.2f}">'
        f"{_sign('ice')}</span>"
        for place in range(frozen)
    ]
    tiles += [f'<span class="learns">{_sign("fire")}</span>'] * learning
    st.html(f'<div class="thaw-row" aria-hidden="true">{"".join(tiles)}</div>')


def _stats(figures: Iterable[tuple[str, str]]) -> str:
    cells = "".join(
        f"<div><dt>{text(figure)}</dt><dd>{text(below)}</dd></div>" for figure, below in figures
    )
    return f'<dl class="thaw-stats">{cells}</dl>'


def _parts(line: str | Parts) -> Parts:
    return ((line, False),) if isinstance(line, str) else line


def _emphasised(parts: Parts) -> str:
    # one_line() trims each piece, so the spaces between pieces are put back.
    return "".join(
        f"{' ' if piece[:1].isspace() else ''}"
        f"{f'<b>{text(piece)}</b>' if strong else text(piece)}"
        f"{' ' if piece[-1:].isspace() else ''}"
        for piece, strong in parts
    )


def _sign(name: str) -> str:
    known = name if name in SIGNS else "info"
    return f'<span class="thaw-sign {known}" aria-hidden="true"></span>'


def _own(address: str) -> str:
    """Return the address escaped, if a browser can only fetch it from this very server."""
    on_this_server = address.startswith("/") and not address.startswith(("//", "/\\"))
    if not (on_this_server or address.startswith("data:image/")):
        raise ValueError(f"A picture's address must be on this server: {address[:80]!r}")
    return html.escape(address, quote=True)
