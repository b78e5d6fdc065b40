"""The picture at the head of a start card: thumbnails, or a few words in a dashed frame."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from pages.ui.pieces import _own as own_address
from pages.ui.pieces import _sign as sign
from pages.ui.pieces import text


def picture_row(addresses: Sequence[str], *, words: str = "", icon: str = "") -> None:
    """Show pictures in a row, or ``words`` where there are none.

    Args:
        addresses: Where each picture is; see :func:`pages.ui.pieces.thumb_grid`.
        words: What stands in the frame without pictures.
        icon: A sign of :data:`pages.ui.pieces.SIGNS` before the words.
    """
    if addresses:
        inside = "".join(f'<img src="{own_address(each)}" alt="">' for each in addresses)
        st.html(f'<div class="thaw-art" aria-hidden="true">{inside}</div>')
        return
    before = sign(icon) if icon else ""
    st.html(f'<div class="thaw-art words">{before}<span>{text(words)}</span></div>')
