"""What a person would read on a page that AppTest has run, and how to press what is on it."""

from __future__ import annotations

import html
import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Block, Element, UnknownElement

from core import drafts
from core.drafts import Draft
from core.runs.folder import RunFolder
from core.service import Service
from core.workspace import Workspace

RunMaker = Callable[..., RunFolder]

# Fields of Streamlit's messages that no person reads.
SILENT = {
    "id", "form_id", "icon", "key", "language", "url", "url_pathname", "color", "position", "tag", "anchor",
    "format", "options_from_dataframe", "js_content", "css_content", "html_content", "component_name", "json",
    "config", "spec", "arrow_data", "type", "element_id", "display_mode", "gap", "width", "height", "scheme",
    "accept", "default", "text_alignment", "instructions", "selection_default",
}
SHELL = Path(__file__).resolve().parents[2] / "pages" / "shell.py"
BROWSER = "0123456789abcdef0123456789abcdef"
PATIENCE_S = 60
HOSTILE = "![pic](http:evil.test) <img src=x onerror=alert(1)> :red[hot] $x^2$ **b** `c`"
_TAGS = re.compile(r"<[^>]*>")


def elements(at: AppTest) -> Iterator[Element]:
    """Yield every element of the page, those at its foot included; the style sheet is none."""
    for section in at._tree.children.values():
        if section.type == "event":
            continue
        yield from (node for node in section if not isinstance(node, Block))


def blocks(at: AppTest) -> Iterator[Block]:
    for section in at._tree.children.values():
        yield from (node for node in section if isinstance(node, Block))


def component(at: AppTest, key: str) -> dict[str, Any]:
    """Return what a component of ours was given to draw."""
    found = [each for each in elements(at) if each.type == "bidi_component" and each.key == key]
    assert len(found) == 1, f"{len(found)} components have the key {key}"
    return dict(json.loads(found[0].proto.json))


def components(at: AppTest) -> set[str]:
    """Return the keys of the components of ours that a person sees."""
    found = {str(each.key) for each in elements(at) if each.type == "bidi_component"}
    return found - {"theme-watch-component"}


def chart(at: AppTest, key: str) -> dict[str, Any]:
    """Return the Plotly figure drawn under a key."""
    found = [each for each in elements(at) if each.type == "plotly_chart" and each.key == key]
    assert len(found) == 1, f"{len(found)} charts have the key {key}"
    return dict(json.loads(found[0].proto.spec))


def strings(message: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield the texts of a protobuf message that a person may read, with the field of each."""
    for field, value in message.ListFields():
        if field.name in SILENT:
            continue
        several = value if field.is_repeated else [value]
        for each in several:
            if field.type == field.TYPE_STRING:
                yield f"{path}.{field.name}", each
            elif field.type == field.TYPE_MESSAGE and hasattr(each, "ListFields"):
                yield from strings(each, f"{path}.{field.name}")


def markdown_texts(at: AppTest) -> list[tuple[str, str]]:
    """Return every text that Streamlit reads as Markdown, labels of containers included.

    The options of a selectbox are none: a browser test shows that they stay as they are.
    """
    found = [
        text for each in elements(at) if each.type not in ("html", "arrow_data_frame")
        and not isinstance(each, UnknownElement) for text in strings(each.proto, each.type)
        if text[0] not in ("selectbox.options", "selectbox.raw_value", "multiselect.options")
    ]
    found += [
        text for each in blocks(at) if each.proto is not None for text in strings(each.proto, each.type)
    ]
    return found


def html_texts(at: AppTest) -> list[str]:
    """Return the page's own pieces of HTML as they were written."""
    return [each.proto.body for each in elements(at) if each.type == "html"]


def words(at: AppTest) -> str:
    """Return all that can be read on the page but for components and charts, without marks."""
    pieces = [text.replace("\\", "") for _field, text in markdown_texts(at)]
    pieces += [html.unescape(_TAGS.sub(" ", each)) for each in html_texts(at)]
    return re.sub(r"\s+", " ", " ".join(pieces))


def labels(at: AppTest) -> list[str]:
    return [each.label for each in at.button]


def press(at: AppTest, label: str) -> AppTest:
    """Press the one button that has this label."""
    found = [each for each in at.button if each.label == label]
    assert len(found) == 1, f"{len(found)} buttons are called {label!r}: {labels(at)}"
    found[0].click().run()
    return calm(at)


def calm(at: AppTest) -> AppTest:
    """Check that the page was drawn to its end."""
    assert not at.exception, [each.message for each in at.exception]
    return at


def page(at: AppTest) -> str:
    """Return the title of the page that is shown."""
    assert len(at.title) == 1
    return str(at.title[0].value)


class Visitor:
    """One browser: opens pages, and knows what has been chosen so far."""

    def __init__(self, workspace: Workspace, found: Service) -> None:
        self.workspace = workspace
        self.service = found

    def open(self, page: str = "start", **choices: Any) -> AppTest:
        """Open a page through the shell, with these choices made before."""
        if choices:
            drafts.save(self.workspace, BROWSER, replace(self.draft, **choices))
        at = AppTest.from_file(str(SHELL), default_timeout=PATIENCE_S)
        at.run()
        if page != "start":
            at.switch_page(f"{page}.py").run()
        return calm(at)

    @property
    def draft(self) -> Draft:
        return drafts.load(self.workspace, BROWSER)

    def wait_for_job(self) -> None:
        """Wait until the intake that was begun has ended."""
        for _each in range(PATIENCE_S * 100):
            job = self.service.jobs.snapshot(self.draft.job)
            if job is None or job.state != "running":
                return
            time.sleep(0.01)
        raise AssertionError("the intake did not end")
