"""Take a weight file that somebody brings along into the workspace, if it fits a backbone."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from core.backbones.kept import keep, kept_files, kept_path, missing_file, open_given
from core.backbones.stored import is_weights_name
from core.children import run_json
from core.errors import ThawError
from core.training.start import FILE, Start
from core.workspace import Workspace


def adopt(workspace: Workspace, backbone: str, name: str, source: BinaryIO) -> Start:
    """Keep a weight file and check it layer by layer.

    Args:
        workspace: Where it is kept.
        backbone: The backbone that is to start from it.
        name: What the file is called; text from outside.
        source: The open file.

    Returns:
        A start that names it.

    Raises:
        BadInput: Its kind is not read, it is damaged, or it does not fit; then it is not kept, unless
            it was there before.
        Unavailable: The disk is full, or the check broke off.
    """
    before = {each.name for each in kept_files(workspace)}
    kept = keep(workspace, name, source)
    try:
        _check(workspace, backbone, kept)
    except ThawError:
        if kept not in before:
            kept_path(workspace, kept).unlink(missing_ok=True)
        raise
    return Start(FILE, kept)


def adopt_path(workspace: Workspace, backbone: str, path: str) -> Start:
    """Do as :func:`adopt` with a path of this machine, or with the name of a file that is kept already.

    Raises:
        NotFound: There is no such file.
    """
    if is_weights_name(path) and any(each.name == path for each in kept_files(workspace)):
        _check(workspace, backbone, path)
        return Start(FILE, path)
    try:
        given = Path(path).expanduser()
    except RuntimeError as error:  # a home of nobody
        raise missing_file(path) from error
    with open_given(given) as handle:
        return adopt(workspace, backbone, given.name, handle)


def _check(workspace: Workspace, backbone: str, kept: str) -> None:
    """Raise BadInput where a kept file does not fit a backbone; done in a process of its own."""
    run_json(["weights", str(kept_path(workspace, kept)), "--backbone", backbone])
