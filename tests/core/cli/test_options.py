"""What all commands have in common."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import pytest

from core.cli.main import parser
from core.errors import BadInput


def commands_of(top: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """Yield the parsers of all commands, those of kinds of a command among them."""
    for action in top._actions:
        if isinstance(action, argparse._SubParsersAction):
            for each in action.choices.values():
                yield from commands_of(each)
            return
    yield top


COMMANDS = {each.prog.removeprefix("python -m core "): each for each in commands_of(parser())}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_says_what_it_is_for_and_answers_in_json(name: str) -> None:
    said = COMMANDS[name].format_help()
    assert COMMANDS[name].description
    assert "--json" in said
    assert COMMANDS[name].get_default("command")
    assert COMMANDS[name].get_default("show")


def test_only_what_looks_at_no_workspace_takes_none() -> None:
    without = [name for name, each in COMMANDS.items() if "--workspace" not in each.format_help()]
    assert without == ["samples", "backbones", "weights"]


def test_the_statuses_are_told_beside_the_commands() -> None:
    assert "130 after Ctrl-C, or SIGTERM in a command" in " ".join(parser().format_help().split())


def test_a_line_that_cannot_be_read_names_the_command_whose_help_helps() -> None:
    with pytest.raises(BadInput) as raised:
        parser().parse_args(["experiment", "seeds", "photos", "--seeds", "many"])
    assert "experiment seeds --help" in raised.value.fix
    assert "many" in raised.value.given
