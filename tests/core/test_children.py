"""Commands in processes of their own, which a small script stands in for."""

from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path

import pytest

from core import children
from core.children import Refused, run_json
from core.errors import Stopped, ThawError, Unavailable

PATIENCE_S = 30


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program in place of Python; it finds its words in "$@" and its folder in $HERE."""
    path = tmp_path / "python"
    monkeypatch.setattr(children.sys, "executable", str(path))
    monkeypatch.setattr(children, "LOOK_EVERY_S", 0.01)
    monkeypatch.setenv("HERE", str(tmp_path))
    return path


def saying(script: Path, body: str) -> None:
    script.write_text(f"#!/bin/sh\n{body}\n")
    script.chmod(0o755)


def printing(script: Path, text: str, status: int = 0) -> None:
    script.with_name("answer").write_text(text)
    saying(script, f'cat "$HERE/answer"; echo "a line for developers" >&2; exit {status}')


def test_the_answer_is_what_the_command_printed(script: Path) -> None:
    printing(script, json.dumps({"backbone": "vgg16", "anchors": [1.5, None, "Ü"]}))
    assert run_json(["measure", "vgg16"]) == {"backbone": "vgg16", "anchors": [1.5, None, "Ü"]}


def test_the_command_is_ours_with_json_and_its_words_are_never_read_by_a_shell(script: Path) -> None:
    saying(script, 'for word in "$@"; do echo "$word" >> "$HERE/words"; done; echo "{}"')
    assert run_json(["weights", "a b; rm -rf $HOME", "--backbone", "vgg16"]) == {}
    assert script.with_name("words").read_text().splitlines() == [
        "-m", "core", "weights", "a b; rm -rf $HOME", "--backbone", "vgg16", "--json",
    ]


@pytest.mark.parametrize(("status", "kind"), [(2, Refused), (1, Unavailable)])
def test_an_error_of_the_command_is_raised_in_its_own_words(
    script: Path, status: int, kind: type[ThawError]
) -> None:
    error = {"what": "It does not fit.", "given": "conv1", "fix": "Choose another.", "layers": [1]}
    printing(script, json.dumps({"error": error}), status)
    with pytest.raises(ThawError) as caught:
        run_json(["weights", "x"])
    assert type(caught.value) is kind
    assert (caught.value.what, caught.value.given, caught.value.fix) == (
        "It does not fit.", "conv1", "Choose another.",
    )


@pytest.mark.parametrize(
    ("text", "status"),
    [("", 0), ("", 1), ("no json", 0), ("[]", 0), ("3", 0), ("{}", 1), ('{"error": 3}', 1),
     ('{"speed": 1}', -9)],
)
def test_a_command_without_an_answer_is_a_failure_with_advice(
    script: Path, text: str, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    if status < 0:
        script.with_name("answer").write_text(text)
        saying(script, 'cat "$HERE/answer"; kill -9 $$')
    else:
        printing(script, text, status)
    with pytest.raises(Unavailable) as caught:
        run_json(["measure", "vgg16"])
    assert "measurement" in caught.value.what
    assert caught.value.fix
    assert "developers" not in str(caught.value)
    if status >= 0:
        assert "a line for developers" in caplog.text


def test_much_that_is_said_does_not_block_the_command(script: Path) -> None:
    saying(script, 'head -c 2000000 /dev/zero | tr "\\0" x >&2; echo "{}"')
    assert run_json(["measure", "vgg16"]) == {}


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def stopped_once_begun(script: Path) -> int:
    """Run until the script has written its pid, stop it, and return the pid."""
    stop, pid_file = threading.Event(), script.with_name("pid")

    def stop_it() -> None:
        end = time.monotonic() + PATIENCE_S
        while not pid_file.is_file() and time.monotonic() < end:
            time.sleep(0.01)
        stop.set()

    watching = threading.Thread(target=stop_it)
    watching.start()
    with pytest.raises(Stopped):
        run_json(["fetch", "vgg16"], stop)
    watching.join()
    return int(pid_file.read_text())


def test_a_stop_ends_the_process(script: Path) -> None:
    saying(script, 'echo $$ > "$HERE/.pid"; mv "$HERE/.pid" "$HERE/pid"; exec sleep 600')
    assert not is_alive(stopped_once_begun(script))


def test_a_stop_lets_the_process_tidy_up(script: Path) -> None:
    script.with_name("half").write_text("half of a file")
    saying(
        script, 'trap \'rm "$HERE/half"; exit 1\' TERM\n'
        'echo $$ > "$HERE/.pid"; mv "$HERE/.pid" "$HERE/pid"; while :; do sleep 0.01; done',
    )
    stopped_once_begun(script)
    assert not script.with_name("half").exists()


def test_a_process_that_will_not_end_is_killed(script: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "TIDY_UP_S", 0.1)
    saying(
        script, 'trap "" TERM\n'
        'echo $$ > "$HERE/.pid"; mv "$HERE/.pid" "$HERE/pid"; while :; do sleep 0.01; done',
    )
    assert not is_alive(stopped_once_begun(script))
