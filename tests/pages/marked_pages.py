"""Draws every page with a catalogue that marks each looked-up text, and finds what bears no mark.

Run as a program in a process of its own, because texts are looked up while modules are imported:
``python marked_pages.py FOLDER`` prints a JSON object: the texts without a mark, by page and state.
"""

from __future__ import annotations

import gettext
import html
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core import i18n


class Marked(gettext.NullTranslations):
    def gettext(self, message: str) -> str:
        return f"‹{message}›"

    def ngettext(self, singular: str, plural: str, n: int) -> str:
        return f"‹{singular if n == 1 else plural}›"


marked = Marked()
i18n._catalogue = lambda: marked  # type: ignore[assignment]

# NOTE: after the catalogue of texts is in place, because they look texts up as they are imported.
from core.backbones import catalogue  # noqa: E402
from core.training.presets import PRESETS  # noqa: E402

OUTSIDE = ("outside", "blue", "red", "colours", "one.png")
# Names that are the same in every language: ours, of networks, of units and file formats.
PROPER = {
    "efficientnet", "Adam", "AdamW", "SGD", "RMSprop", "MB", "k", "M",
    # Networks, who published them and under which licence, and where that is said.
    *(word for each in catalogue.BACKBONES.values()
      for text in (each.title, each.name, each.family, each.paper, each.licence,
                   each.imagenet_top1_source, *(preset.source for preset in PRESETS.values()))
      for word in re.findall(r"[^\W\d_]+", text)),
}
# Members of what a component is given that no person reads.
SILENT = {"name", "state", "run", "library", "href", "chosen", "learning", "suffix", "taken", "seen", "kind",
          "tone", "live", "turn", "file"}
# Members that are figures of Plotly.
FIGURES = {"shown", "paper"}
CHART_TEXTS = {"name", "text", "customdata", "ticktext"}
_TAGS = re.compile(r"<[^>]*>")
_SPOKEN = re.compile(r'(?:alt|aria-label|title)="([^"]*)"')


def unmarked(text: str) -> str:
    """Return the words of a text that were not looked up."""
    depth, left = 0, []
    for sign in text.replace(":gray[", ""):
        depth += (sign == "‹") - (sign == "›")
        left.append(sign if depth == 0 and sign != "›" else " ")
    words = re.findall(r"[^\W\d_]+(?:\.png)?", "".join(left))
    return " ".join(word for word in words if word not in OUTSIDE and word not in PROPER)


def component_texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, each in value.items():
            if name in FIGURES:
                yield from (_TAGS.sub(" ", text) for text in chart_texts(each))
            elif name not in SILENT:
                yield from component_texts(each)
    elif isinstance(value, list):
        parts = [each for each in value if isinstance(each, list) and len(each) == 2]
        if value and len(parts) == len(value) and all(isinstance(strong, bool) for _text, strong in parts):
            yield "".join(text for text, _strong in parts)
        else:
            for each in value:
                yield from component_texts(each)


def chart_texts(value: Any, name: str = "") -> Iterator[str]:
    if isinstance(value, str):
        if name in CHART_TEXTS:
            yield value
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from chart_texts(each, key)
    elif isinstance(value, list):
        for each in value:
            yield from chart_texts(each, name)


def texts(at: Any) -> Iterator[str]:
    import page_view

    for field, text in page_view.markdown_texts(at):
        # Source code is the same in every language; a table's layout is no text.
        if field.startswith("code.") or field.endswith(".columns"):
            continue
        yield text.replace("\\", "")
    for piece in page_view.html_texts(at):
        yield html.unescape(_TAGS.sub(" ", piece))
        yield from (html.unescape(each) for each in _SPOKEN.findall(piece))
    for each in page_view.elements(at):
        if each.type == "bidi_component":
            yield from component_texts(json.loads(each.proto.json))
        elif each.type == "plotly_chart":
            yield from chart_texts(json.loads(each.proto.spec))
    yield from (str(each["page_name"]) for each in at._registered_pages.values())


def main(folder: Path) -> None:
    from marked_visits import visits

    found = {}
    for name, at in visits(folder):
        assert not at.exception, name
        seen = list(texts(at))
        assert any("‹" in text for text in seen), name
        bare = sorted({text.strip() for text in seen if unmarked(text)})
        if bare:
            found[name] = bare
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
