"""Commands called in this process, with what they print."""

from __future__ import annotations

import json
from typing import Any

import pytest

from core.cli.main import main

Capture = pytest.CaptureFixture[str]


def asked(capsys: Capture, *arguments: str, status: int = 0) -> dict[str, Any]:
    """Carry a command out with --json and return the one object it printed."""
    assert main([*arguments, "--json"]) == status
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    found = json.loads(out)
    assert isinstance(found, dict)
    return found


def refused(capsys: Capture, *arguments: str, status: int = 2) -> dict[str, Any]:
    """Carry out a command that must fail; return what it says, and check that people are told too."""
    error = asked(capsys, *arguments, status=status)["error"]
    assert main(list(arguments)) == status
    plain = capsys.readouterr()
    assert plain.out == ""
    assert error["what"] in plain.err
    assert "Traceback" not in plain.err
    return dict(error)
