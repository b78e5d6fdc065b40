"""Thaw's server: ``streamlit run app.py [-- --workspace DIR]``.

NOTE: the main script is pages/shell.py and not this file, so that Streamlit never takes the pages
folder for its own kind of pages. Nothing here imports TensorFlow: the first page has to be fast.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

import streamlit as st
from starlette.middleware import Middleware

from pages.web.late_fragments import LateFragmentsMiddleware
from pages.web.launch import lifespan, open_workspace
from pages.web.routes import ERROR_ANSWERS, routes
from pages.web.script_error import show_error
from pages.web.security import SecurityMiddleware

workspace = open_workspace(__file__)


def service_lifespan(_app: st.App) -> AbstractAsyncContextManager[None]:
    """Run the core's service for as long as the server runs."""
    return lifespan(workspace)


app = st.App(
    "pages/shell.py",
    lifespan=service_lifespan,
    routes=routes(),
    middleware=[Middleware(SecurityMiddleware), Middleware(LateFragmentsMiddleware)],
    exception_handlers=ERROR_ANSWERS,
    on_script_error=show_error,
)
