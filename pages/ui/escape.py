"""The one place where text from outside is made harmless for Streamlit's Markdown."""

from __future__ import annotations

import html
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

# Every ASCII punctuation mark may be escaped in CommonMark, and escaping them all also disarms what
# Streamlit and GitHub add: :colour[…], :material/…:, $formulas$, bare addresses.
_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
_SPACES = re.compile(r"\s+")


def one_line(text: str, longest: int = 120) -> str:
    """Return ``text`` without control and direction marks, on one line, cut to ``longest`` signs."""
    visible = "".join(
        " " if sign.isspace() else sign
        for sign in text
        if sign.isspace() or unicodedata.category(sign) not in ("Cc", "Cf", "Cs")
    )
    shown = _SPACES.sub(" ", visible).strip()
    return shown if len(shown) <= longest else shown[: longest - 1] + "…"


def plain(text: str, longest: int = 120) -> str:
    """Return ``text`` so that Streamlit's Markdown shows it letter by letter.

    Args:
        text: Anything from outside: a file, class or run name, a message of a library.
        longest: How many signs are shown before it is cut with an ellipsis.
    """
    return _PUNCTUATION.sub(r"\\\1", one_line(text, longest))


def distinct(labels: Sequence[str]) -> list[str]:
    """Return the labels, with a number behind those that stand twice.

    NOTE: Streamlit tells the options of a control apart by their labels alone, so of two that read
    the same only one could be chosen.
    """
    seen: Counter[str] = Counter()
    told = []
    for label in labels:
        seen[label] += 1
        told.append(label if seen[label] == 1 else f"{label} ({seen[label]})")
    return told


def cut_apart(texts: Sequence[str], longest: int, most: int = 0) -> list[str]:
    """Return texts cut short; those that a cut makes the same are cut in their middle, and may differ then.

    Args:
        texts: From outside.
        longest: How many signs are shown.
        most: How many are shown of those that would read the same otherwise; as many unless told.
    """
    cut = [one_line(each, longest) for each in texts]
    same = Counter(cut)
    return [
        short if same[short] == 1 else _middle_out(each, max(longest, most))
        for each, short in zip(texts, cut, strict=True)
    ]


def _middle_out(text: str, longest: int) -> str:
    whole = one_line(text, len(text))
    if len(whole) <= longest:
        return whole
    behind = (longest - 1) * 3 // 5
    return f"{whole[:longest - 1 - behind]}…{whole[-behind:]}"


def chart_text(text: str, longest: int = 28) -> str:
    """Return ``text`` so that Plotly shows it letter by letter.

    Plotly reads a little HTML in labels (bold, links); it shows entities as the signs they name.
    """
    return html.escape(one_line(text, longest), quote=False)
