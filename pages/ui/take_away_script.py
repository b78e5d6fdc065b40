"""The code of a run on the Take away page: a plain Keras script that comes to the same figures."""

from __future__ import annotations

from functools import partial

import streamlit as st

from core.i18n import _
from core.runs.listing import Listed
from core.studies.scripting import Script, kept_script, script
from core.words import bytes_text
from pages.ui import state
from pages.ui.pieces import caption
from pages.ui.study import study
from pages.web.scripts import script_url

_CODE_HEIGHT = 420


def script_part(run: Listed) -> None:
    """Explain the script of a run, and show it or offer to write it."""
    st.subheader(_("The code"), anchor=False)
    st.markdown(_("This run as a plain Keras script: it needs neither Thaw nor this workspace, only the "
                  "folder of photos. It takes the same photos in the same order and comes to the same curve, "
                  "up to rounding. Where blocks of the backbone learn, rounding adds up over the epochs: a "
                  "photo or two may then be told otherwise."))
    made = kept_script(run.folder)
    if made is None:
        _offer(run)
    else:
        _shown(run, made)


def _offer(run: Listed) -> None:
    study(
        run.id, "script", title=_("Writing the script"), button=_("Write the script"),
        work=partial(script, state.workspace(), run.folder), icon=":material/code:",
        words=_("It takes some seconds: the backbone is built to be put beside it."),
    )


def _shown(run: Listed, made: Script) -> None:
    for each in made.notes:
        caption(each)
    st.link_button(
        _("Download the script ({size})").format(size=bytes_text(made.zip.stat().st_size)),
        script_url(run.id), icon=":material/download:",
    )
    caption(_("In the zip: {files}. Run it with “python train.py PATH/TO/FOLDER”.").format(
        files=", ".join(made.files)))
    st.code(made.text, language="python", height=_CODE_HEIGHT)
