"""HTML of the report: every text from outside is escaped here, and nothing is fetched from anywhere."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable, Sequence

from core.words import one_line

LONGEST = 2000


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def text(value: object, longest: int = LONGEST) -> Markup:
    """Return a value so that HTML shows it letter by letter, in an attribute too; what is Markup stays."""
    if isinstance(value, Markup):
        return value
    said = one_line(str(value))
    shown = said if len(said) <= longest else said[: longest - 1] + "…"
    return Markup(html.escape(shown, quote=True))


def joined(parts: Iterable[object]) -> Markup:
    """Return parts one after another, each escaped where it is no Markup."""
    return Markup("".join(text(part) for part in parts))


def tag(name: str, *parts: object, cls: str = "") -> Markup:
    """Return an element with what is in it."""
    named = f' class="{cls}"' if cls else ""
    return Markup(f"<{name}{named}>{joined(parts)}</{name}>")


def paragraph(*parts: object, cls: str = "") -> Markup:
    """Return a paragraph of sentences, a space between any two."""
    said = [text(part) for part in parts if part]
    return tag("p", Markup(" ".join(said)), cls=cls)


def section(title: str, *parts: object) -> Markup:
    """Return a part of the report under its title."""
    return tag("section", tag("h2", title), *parts)


def table(head: Sequence[object], rows: Iterable[Sequence[object]], *, cls: str = "") -> Markup:
    """Return a table; its first column names the rows.

    Args:
        head: The titles of the columns.
        rows: Their cells; ``None`` is shown as not available.
        cls: A class of the style sheet.
    """
    named = f' class="{cls}"' if cls else ""
    titles = "".join(f'<th scope="col">{text(each)}</th>' for each in head)
    body = "".join(
        f'<tr><th scope="row">{_cell(row[0])}</th>'
        + "".join(f"<td>{_cell(each)}</td>" for each in row[1:]) + "</tr>"
        for row in rows
    )
    return Markup(f"<table{named}><thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table>")


def _cell(value: object) -> Markup:
    return Markup("–") if value is None else text(value)


def facts(pairs: Iterable[tuple[object, object]]) -> Markup:
    """Return a list of names with what they are."""
    inside = "".join(f"<dt>{text(name)}</dt><dd>{_cell(value)}</dd>" for name, value in pairs)
    return Markup(f"<dl>{inside}</dl>")


def items(lines: Iterable[object]) -> Markup:
    """Return a list of sentences."""
    return tag("ul", *(tag("li", line) for line in lines))


def picture(jpeg: bytes, spoken: str) -> Markup:
    """Return a JPEG file that is inside the page."""
    data = base64.b64encode(jpeg).decode("ascii")
    return Markup(f'<img src="data:image/jpeg;base64,{data}" alt="{text(spoken)}">')


def figure(inside: Markup, *lines: object) -> Markup:
    """Return a picture or chart with the lines under it."""
    below = Markup("<br>").join(text(line) for line in lines)
    return Markup(f"<figure>{inside}<figcaption>{below}</figcaption></figure>")


def page(title: str, language: str, style: str, *parts: object) -> str:
    """Return a whole HTML page that needs nothing beside it.

    The policy in its head lets a browser take nothing but what is inside the file.
    """
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    return (
        f'<!DOCTYPE html>\n<html lang="{text(language)}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{text(title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n<main>\n"
        f"{joined(parts)}\n</main>\n</body>\n</html>\n"
    )
