from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from core import i18n
from core.i18n import _, ngettext


def catalogue(texts: dict[str, str]) -> bytes:
    """Return a compiled catalogue, as msgfmt makes it."""
    keys = sorted(texts)
    ids = [key.encode() for key in keys]
    strings = [texts[key].encode() for key in keys]
    at, tables, data = 28 + 16 * len(keys), [], b""
    for several in (ids, strings):
        for each in several:
            tables.append(struct.pack("<II", len(each), at + len(data)))
            data += each + b"\0"
    head = struct.pack("<7I", 0x950412DE, 0, len(keys), 28, 28 + 8 * len(keys), 0, 0)
    return head + b"".join(tables) + data


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    i18n._catalogue.cache_clear()
    yield
    i18n._catalogue.cache_clear()


@pytest.fixture
def german(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "de" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    head = "Content-Type: text/plain; charset=UTF-8\nPlural-Forms: nplurals=2; plural=(n != 1);\n"
    texts = {"": head, "Train": "Trainieren", "{n} photo\0{n} photos": "{n} Foto\0{n} Fotos"}
    (folder / "thaw.mo").write_bytes(catalogue(texts))
    monkeypatch.setattr(i18n, "LOCALE_DIR", tmp_path)
    monkeypatch.setenv("THAW_LANG", "de")


@pytest.mark.usefixtures("german")
def test_a_catalogue_is_used_for_what_it_holds_and_english_for_the_rest() -> None:
    assert _("Train") == "Trainieren"
    assert _("Predict") == "Predict"
    assert ngettext("{n} photo", "{n} photos", 1) == "{n} Foto"
    assert ngettext("{n} photo", "{n} photos", 2) == "{n} Fotos"


@pytest.mark.parametrize("language", ["", "en", "xx", "../../etc"])
def test_a_language_that_is_not_there_is_english(language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THAW_LANG", language)
    assert _("Train") == "Train"
    assert ngettext("{n} photo", "{n} photos", 1) == "{n} photo"
    assert ngettext("{n} photo", "{n} photos", 0) == "{n} photos"


SOURCES = sorted(
    path for part in ("core", "pages") for path in (Path(i18n.__file__).parents[1] / part).rglob("*.py")
)


def test_values_are_put_in_after_the_look_up() -> None:
    # A text that is built before it is looked up is in no catalogue.
    early = re.compile(r"(?:\b_|\bngettext)\(\s*f[\"']|\b_\([^()]*\.format\(")
    assert len(SOURCES) > 100
    assert {str(path): early.findall(path.read_text(encoding="utf-8")) for path in SOURCES
            if early.search(path.read_text(encoding="utf-8"))} == {}
