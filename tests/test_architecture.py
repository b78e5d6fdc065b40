"""The rules of the house that only the source text can show."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CORE = sorted((ROOT / "core").rglob("*.py"))
PAGES = [ROOT / "app.py", *sorted((ROOT / "pages").rglob("*.py"))]
HEAVY = {"tensorflow", "keras"}
# Imports go down only: a part may import those after it.
LAYERS = (
    "cli", "service", "experiments", "studies", "bin", "disk", "journey", "people", "drafts", "runs",
    "export", "insight", "training", "backbones", "data",
)
SHOWN = {
    "title", "header", "subheader", "markdown", "caption", "button", "info", "error", "warning",
    "success", "toggle", "tabs", "expander", "selectbox", "text_input", "spinner", "link_button",
    "form_submit_button", "camera_input", "lede", "note", "headline", "facts_card", "stats_row",
}


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(path: Path, *, top_only: bool = False) -> Iterator[str]:
    tree = tree_of(path)
    for node in tree.body if top_only else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def found_in(
    paths: Sequence[Path], look: Callable[[Path], Collection[str]]
) -> dict[str, Collection[str]]:
    """Return what a look at each file has found, by the file."""
    assert paths
    return {str(path.relative_to(ROOT)): found for path in paths if (found := look(path))}


def test_core_never_imports_streamlit_or_the_pages() -> None:
    assert found_in(CORE, lambda path: {
        name.split(".")[0] for name in imports(path)} & {"streamlit", "pages", "app"}) == {}


def test_pages_import_no_tensorflow_at_the_top() -> None:
    assert found_in(PAGES, lambda path: {
        name.split(".")[0] for name in imports(path, top_only=True)} & HEAVY) == {}


def imported_from_above(path: Path) -> set[str]:
    part = path.relative_to(ROOT / "core").with_suffix("").parts[0]
    if part == "__main__":
        return set()
    above = LAYERS[: LAYERS.index(part)] if part in LAYERS else LAYERS
    return {name.split(".")[1] for name in imports(path) if name.startswith("core.")} & set(above)


def test_imports_inside_core_go_down_only() -> None:
    assert found_in(CORE, imported_from_above) == {}


def test_the_pages_and_the_app_load_without_tensorflow_keras_or_sklearn() -> None:
    code = (
        "import sys, pathlib, importlib\n"
        "for path in sorted(pathlib.Path('pages/ui').glob('*.py')):\n"
        "    importlib.import_module('pages.ui.' + path.stem)\n"
        "import app\n"
        "loaded = {'tensorflow', 'keras', 'sklearn'} & set(sys.modules)\n"
        "sys.exit(str(loaded) if loaded else 0)\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stderr[-2000:]


def literals(node: ast.expr) -> Iterator[ast.expr]:
    """Yield texts in an argument that are not inside a call of ``_`` or ``ngettext``."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node
    elif isinstance(node, ast.JoinedStr):
        yield from (part for part in node.values if isinstance(part, ast.Constant))
    elif isinstance(node, ast.List | ast.Tuple):
        for part in node.elts:
            yield from literals(part)


def is_words(node: ast.expr) -> bool:
    text = node.value if isinstance(node, ast.Constant) else ""
    return isinstance(text, str) and any(sign.isalpha() for sign in text.replace(":gray[", ""))


def shown_as_they_are(path: Path) -> list[str]:
    """Return the texts of a page that are shown and are in no catalogue."""
    found: list[str] = []
    for call in (node for node in ast.walk(tree_of(path)) if isinstance(node, ast.Call)):
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        if name not in SHOWN or "log" in ast.unparse(call.func).lower():
            continue
        # The second argument of a link is its address.
        positional = call.args[: 1 if name == "link_button" else 2]
        named = [k.value for k in call.keywords if k.arg in ("help", "label", "text")]
        shown = [*positional, *named]
        found += [ast.unparse(text) for arg in shown for text in literals(arg) if is_words(text)]
    return found


def test_texts_that_are_shown_go_through_the_catalogue() -> None:
    assert found_in(PAGES, shown_as_they_are) == {}


def test_a_catalogue_is_taken_up_whole(tmp_path: Path) -> None:
    code = (
        "import core.i18n as i18n, gettext\n"
        "class Marked(gettext.NullTranslations):\n"
        "    def gettext(self, message): return '‹' + message + '›'\n"
        "i18n._catalogue = lambda: Marked()\n"
        "from core.training.fields import EPOCHS\n"
        "from core.data.samples import SAMPLES\n"
        "assert EPOCHS.title == '‹Epochs›', EPOCHS.title\n"
        "assert SAMPLES['digits'].title.startswith('‹')\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
