"""How another program asks a run's model: the line to copy."""

from __future__ import annotations

from urllib.parse import urlsplit

import streamlit as st
from streamlit import config

from core.i18n import _
from pages.ui.pieces import caption
from pages.ui.predict_threshold import Judging
from pages.web import hosts
from pages.web.predict_api import LIMIT_BYTES, TOP, predict_url

EXAMPLE = Judging(0.8)


def from_a_program(run_id: str, how: Judging | None = None) -> None:
    """Show the line with which another program on this computer asks a run's model.

    Args:
        run_id: The run.
        how: How what it says is read on the page; ``None`` where nothing is read yet.
    """
    with st.expander(_("Ask it from a program"), icon=":material/terminal:"):
        st.code(curl_line(_server(st.context.url), run_id, how or EXAMPLE), language="bash", wrap_lines=True)
        caption(_("It answers with JSON: the likeliest classes, what it says, whether it is sure. “top” is "
                  "how many classes, “threshold” how sure it has to be, “calibrated=1” asks for calibrated "
                  "probabilities where there are any. An image of at most {most} MB, as a form or as the "
                  "body. The model stays loaded, so only the first answer takes seconds.").format(
                      most=LIMIT_BYTES // 2**20))


def curl_line(server: str, run_id: str, how: Judging) -> str:
    """Return the line that asks as the page does; ``server`` is an address of ours, ``run_id`` an id."""
    asked = f"top={TOP}&threshold={how.threshold:g}{'&calibrated=1' if how.temperature != 1 else ''}"
    return f'curl -F file=@photo.jpg "{server}{predict_url(run_id)}?{asked}"'


def _server(page: object) -> str:
    """Return the address of this server as the browser knows it, where that is one of ours."""
    parts = urlsplit(page) if isinstance(page, str) else None
    if parts is not None and parts.scheme in ("http", "https") and hosts.checked(parts.netloc):
        return f"{parts.scheme}://{parts.netloc.lower()}"
    return f"http://127.0.0.1:{_port()}"


def _port() -> int:
    return int(config.get_option("server.port"))
