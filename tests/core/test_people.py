"""Names that people typed, by the browser that they typed them in."""

from __future__ import annotations

import json
import threading

import pytest

from core.people import COMMAND_LINE, LONGEST_NAME, call, name_of, who_text
from core.workspace import Workspace

ANNA, BERT = "a" * 32, "b" * 32


def test_a_name_is_found_again_by_its_browser_alone(workspace: Workspace) -> None:
    assert name_of(workspace, ANNA) == ""
    assert call(workspace, ANNA, "Anna") == "Anna"
    assert call(workspace, BERT, "Bert") == "Bert"
    assert (name_of(workspace, ANNA), name_of(workspace, BERT)) == ("Anna", "Bert")


def test_a_name_can_be_changed_and_forgotten(workspace: Workspace) -> None:
    call(workspace, ANNA, "Anna")
    call(workspace, ANNA, "Ann")
    assert name_of(workspace, ANNA) == "Ann"
    assert call(workspace, ANNA, "  \t ") == ""
    assert name_of(workspace, ANNA) == ""
    assert ANNA not in (workspace.root / "people.json").read_text()


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("  Anna \n Bell ", "Anna Bell"), ("Anna\x1b[31m\x00\x07", "Anna [31m"),
        ("a\u202egnp.exe", "a gnp.exe"), ("a\u2028b\u00a0c", "a b c"), ("\ud800lone", "lone"),
        ("<b>Änna</b> 😀", "<b>Änna</b> 😀"),
        ("../../etc", "../../etc"), ("x" * 41, "x" * 40), ("x" * 100_000, "x" * LONGEST_NAME),
    ],
    ids=ascii,
)
def test_whatever_is_typed_becomes_one_short_line(workspace: Workspace, typed: str, kept: str) -> None:
    assert call(workspace, ANNA, typed) == kept
    assert name_of(workspace, ANNA) == kept


@pytest.mark.parametrize("browser", ["", "../people", "A" * 32, "a" * 31, "a" * 33, COMMAND_LINE, "a\n" * 16])
def test_what_is_no_browser_of_ours_keeps_nothing(workspace: Workspace, browser: str) -> None:
    assert call(workspace, browser, "Mallory") == "Mallory"
    assert not (workspace.root / "people.json").exists()
    assert name_of(workspace, browser) == ""


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"names": null}', '{"names": ["Anna"]}', '{"names": 3}', "\x00" * 40]
)
def test_a_damaged_file_names_nobody_and_is_replaced_by_the_next_name(
    workspace: Workspace, text: str
) -> None:
    (workspace.root / "people.json").write_text(text)
    assert name_of(workspace, ANNA) == ""
    call(workspace, ANNA, "Anna")
    assert name_of(workspace, ANNA) == "Anna"


def test_a_name_from_a_file_is_short_text(workspace: Workspace) -> None:
    names = {ANNA: "x" * 1000, BERT: 7}
    (workspace.root / "people.json").write_text(json.dumps({"names": names}))
    assert (name_of(workspace, ANNA), name_of(workspace, BERT)) == ("x" * LONGEST_NAME, "7")


def test_names_typed_at_once_in_many_browsers_are_all_kept(workspace: Workspace) -> None:
    browsers = [f"{number:032x}" for number in range(8)]
    threads = [threading.Thread(target=call, args=(workspace, each, f"N{each[-1]}")) for each in browsers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [name_of(workspace, each) for each in browsers] == [f"N{each[-1]}" for each in browsers]


def test_who_started_a_run_is_said_to_whom_it_concerns(workspace: Workspace) -> None:
    assert who_text(workspace, "", ANNA) == ""
    assert who_text(workspace, COMMAND_LINE, ANNA) == "the command line"
    assert who_text(workspace, ANNA, ANNA) == "you"
    assert who_text(workspace, ANNA, BERT) == "another browser"
    call(workspace, ANNA, "Anna")
    assert who_text(workspace, ANNA, ANNA) == "Anna (you)"
    assert who_text(workspace, ANNA, BERT) == "Anna"
