"""The server's start and end: the workspace it was given, and the service that lives with it."""

from __future__ import annotations

import argparse
import gc
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from streamlit.runtime.scriptrunner import script_runner

from core.errors import ThawError
from core.i18n import _
from core.service import Service, install
from core.workspace import Workspace
from pages.web import hosts


@dataclass(frozen=True)
class Asked:
    """What was given behind ``streamlit run app.py --``.

    Attributes:
        workspace: The folder, or ``None``.
        hosts: More names under which the server answers.
    """

    workspace: str | None = None
    hosts: tuple[str, ...] = ()


def asked(launcher: str, argv: list[str]) -> Asked:
    """Return what was given.

    ``streamlit run app.py -- --workspace DIR`` leaves ``[path of app.py, "--workspace", DIR]`` in
    ``sys.argv``. Another server (uvicorn) leaves its own arguments there, which are not ours to read.

    Args:
        launcher: The path of app.py.
        argv: ``sys.argv``.
    """
    if not argv or Path(argv[0]).absolute() != Path(launcher).absolute():
        return Asked()
    parser = argparse.ArgumentParser(prog="streamlit run app.py --", allow_abbrev=False)
    parser.add_argument("--workspace", metavar="DIR",
                        help=_("the folder for datasets and runs (default: THAW_HOME, else "
                               "./workspace)"))
    parser.add_argument("--host", metavar="NAME", action="append", default=[],
                        help=_("a name or address under which other computers of a trusted network "
                               "reach this one; start with --server.address 0.0.0.0 before the --"))
    given = parser.parse_args(argv[1:])
    return Asked(given.workspace, tuple(given.host))


def open_workspace(launcher: str) -> Workspace:
    """Open the workspace, or end the process with a plain sentence where that cannot be done."""
    try:
        given = asked(launcher, sys.argv)
        hosts.allow(list(given.hosts))
        return Workspace.open(given.workspace)
    except ThawError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(error.exit_code) from error


def leave_keras_alone() -> None:
    """Keep Streamlit from clearing Keras' state after each run of a page.

    NOTE: Streamlit 1.67 calls ``keras.backend.clear_session()`` after every script run, that is at
    every tick of every open tab. A training on another thread then loses its compiled kernels and
    waits for a full garbage collection each time; it became several times slower, and a stop could
    take minutes. It also closes all Matplotlib figures there, of which Thaw has none.
    """
    script_runner._clean_problem_modules = _nothing


def send_at_once() -> None:
    """Let every small answer leave as soon as it is written.

    NOTE: Streamlit 1.67 binds its socket without naming the protocol, and asyncio then leaves Nagle's
    algorithm on: the body of an answer waits for the browser to acknowledge the head, which it puts off by
    40 ms. Connections take the option over from the socket that listens.
    """
    for each in gc.get_objects():
        if isinstance(each, socket.socket) and _listens(each):
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _listens(each: socket.socket) -> bool:
    if each.fileno() < 0 or each.family not in (socket.AF_INET, socket.AF_INET6):
        return False
    return each.type == socket.SOCK_STREAM and bool(each.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))


def _nothing() -> None:
    """Do nothing."""


@asynccontextmanager
async def lifespan(workspace: Workspace) -> AsyncIterator[None]:
    """Keep the service for as long as the server runs."""
    leave_keras_alone()
    send_at_once()
    service = Service(workspace)
    service.start()
    install(service)
    try:
        yield
    finally:
        install(None)
        await run_in_threadpool(service.close)
