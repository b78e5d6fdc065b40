"""The names under which the server answers: this machine's own, and those that were given."""

from __future__ import annotations

import re

from streamlit import config

from core.errors import BadInput
from core.i18n import _

OWN = ("localhost", "127.0.0.1", "[::1]")
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?")
_HOST = re.compile(r"(\[[0-9a-f:]+\]|[a-z0-9.-]+)(?::[0-9]{1,5})?")
_SETTING = "server.allowedHosts"
_given: set[str] = set()


def allow(names: list[str]) -> None:
    """Answer under more names from now on, so that other computers of a trusted network may come.

    Args:
        names: Host names or IPv4 addresses without scheme and port.

    Raises:
        BadInput: One is no such name.
    """
    wanted = [name.strip().lower() for name in names]
    for name in wanted:
        if not _NAME.fullmatch(name):
            raise BadInput(
                _("This is no name of a computer."), given=name[:80],
                fix=_("Give a name or an address such as 192.168.1.20, without http:// and without a port."),
            )
    _given.clear()
    _given.update(wanted)
    # Streamlit checks the websocket's by itself.
    own = [name.strip("[]") for name in OWN]
    config.set_option(_SETTING, [*own, *sorted(_given)])


def checked(host: str) -> str | None:
    """Return a Host header, in lower case, when it is one under which the server answers."""
    found = _HOST.fullmatch(host.lower())
    return host.lower() if found and found.group(1) in (*OWN, *_given) else None
