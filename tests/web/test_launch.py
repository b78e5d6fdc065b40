from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from core import service
from core.workspace import Workspace
from pages.web.launch import Asked, asked, lifespan, open_workspace, send_at_once

ROOT = Path(__file__).resolve().parents[2]
APP = str(ROOT / "app.py")


def test_the_workspace_comes_from_the_command_line() -> None:
    assert asked(APP, [APP, "--workspace", "/somewhere"]) == Asked("/somewhere")
    assert asked(APP, [APP]) == Asked()


def test_more_names_are_asked_for_one_by_one() -> None:
    assert asked(APP, [APP, "--host", "a.local", "--host", "10.0.0.7"]).hosts == ("a.local", "10.0.0.7")


def test_arguments_of_another_server_are_not_ours() -> None:
    assert asked(APP, ["/usr/bin/uvicorn", "app:app", "--workspace", "x"]) == Asked()
    assert asked(APP, []) == Asked()


@pytest.mark.parametrize("argv", [["--worksapce", "x"], ["--work", "x"], ["x"], ["--workspace"]])
def test_a_mistyped_argument_ends_with_code_2(argv: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        asked(APP, [APP, *argv])
    assert caught.value.code == 2


def test_a_workspace_that_cannot_be_made_is_a_sentence_and_no_trace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setattr(sys, "argv", [APP, "--workspace", str(tmp_path / "file")])
    with pytest.raises(SystemExit) as caught:
        open_workspace(APP)
    assert caught.value.code == 1
    assert "--workspace" in capsys.readouterr().err


def test_the_service_lives_as_long_as_the_server(workspace: Workspace) -> None:
    async def serve() -> Workspace:
        async with lifespan(workspace):
            return service.current().workspace

    assert asyncio.run(serve()) == workspace


def test_without_a_server_the_service_is_made_on_first_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THAW_HOME", str(tmp_path / "home"))
    service.install(None)
    made = service.current()
    try:
        assert made.workspace.root == tmp_path / "home"
        assert service.current() is made
    finally:
        service.install(None)
        made.close()


def test_the_settings_keep_the_server_to_this_machine() -> None:
    settings = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    assert settings["server"]["address"] == "127.0.0.1"
    assert set(settings["server"]["allowedHosts"]) == {"localhost", "127.0.0.1", "::1"}
    assert settings["server"]["enableXsrfProtection"] is True
    assert settings["server"]["fileWatcherType"] == "none"
    assert settings["client"]["showErrorDetails"] == "none"
    assert settings["browser"]["gatherUsageStats"] is False


def test_the_server_starts_without_tensorflow_or_pandas() -> None:
    code = ("import sys; sys.argv = ['x']; import app; "
            "print([m for m in ('tensorflow', 'keras', 'pandas', 'sklearn') if m in sys.modules])")
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True,
                          check=True)
    assert done.stdout.strip().splitlines()[-1] == "[]"


def test_connections_to_the_server_send_what_is_written_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening, socket.socket() as unused:
        assert not listening.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        send_at_once()
        with socket.create_connection(listening.getsockname()):
            accepted, _address = listening.accept()
            with accepted:
                assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert not unused.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
