"""Page text goes through here, whole sentences at a time, so another language is a catalogue.

The catalogues live in ``assets/locale/<language>/LC_MESSAGES/thaw.mo``; the language is taken from
``THAW_LANG`` and is English where none is installed. Put values in by name after the look-up::

    _("{photos} photos in {classes} classes").format(photos=1, classes=2)
"""

from __future__ import annotations

import gettext
import os
from functools import lru_cache
from pathlib import Path

LOCALE_DIR = Path(__file__).resolve().parent.parent / "assets" / "locale"


@lru_cache(maxsize=1)
def _catalogue() -> gettext.NullTranslations:
    language = os.environ.get("THAW_LANG", "en")
    return gettext.translation("thaw", LOCALE_DIR, languages=[language], fallback=True)


def language() -> str:
    """Return the code of the language that texts are in, such as ``"en"``."""
    return _catalogue().info().get("language") or "en"


def _(message: str) -> str:
    """Return ``message`` in the reader's language; the message itself where it is not translated."""
    return _catalogue().gettext(message)


def ngettext(singular: str, plural: str, n: int) -> str:
    """Return the form of a sentence that fits the number ``n``; put ``n`` in with ``.format``."""
    return _catalogue().ngettext(singular, plural, n)
