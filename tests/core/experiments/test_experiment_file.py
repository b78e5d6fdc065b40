from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from core.data.dataset import Dataset
from core.errors import BadInput
from core.experiments import design as designs
from core.experiments import experiment as experiments
from core.experiments import steering
from core.experiments.experiment import FILE, Experiment
from core.training.plan import Plan
from core.workspace import Workspace


@pytest.fixture
def begun(workspace: Workspace, dataset: Dataset) -> Experiment:
    plan = Plan(dataset.id, dataset.title, "efficientnet-lite0")
    return steering.begin(workspace, designs.seeds(plan, dataset, seeds=2))


DAMAGES: dict[str, Any] = {
    "form": {"form": 99}, "kind": {"kind": "luck"}, "plan": {"plan": {}}, "no plan": {"plan": None},
    "title": {"title": 3}, "members": {"members": {}}, "no member": {"members": [{}]},
    "time": {"created": "yesterday"}, "never": {"created": float("inf")}, "base": {"base_run": "../../etc"},
    "chosen": {"chosen": "../x"}, "resumed": {"resumed": ["../x"]},
    "no member chosen": {"chosen": "20260101-000000-another"}, "resumed when": {"resumed": [["run"]]},
}
MEMBER = {
    "role": "seed", "x": None, "seed": 0, "run": "20260101-000000-run", "borrowed": False, "verifies": False,
    "expected_s": None,
}
for name, damage in {
    "run": {"run": "../../secret"}, "no run": {"run": ""}, "role": {"role": "<b>"}, "seed": {"seed": "1"},
    "x": {"x": -1}, "x in words": {"x": "many"},
}.items():
    DAMAGES[f"member's {name}"] = {"members": [{**MEMBER, **damage}]}
DAMAGES["too many"] = {"members": [MEMBER] * 123}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_a_damaged_experiment_is_refused_and_passed_over_in_lists(
    workspace: Workspace, begun: Experiment, damage: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    path = workspace.experiments / begun.id / FILE
    given = json.loads(path.read_text())
    path.write_text(json.dumps({**given, **damage}))
    with pytest.raises(BadInput):
        experiments.load(workspace, begun.id)
    with caplog.at_level(logging.WARNING):
        assert experiments.listed(workspace) == []
    assert begun.id in caplog.text


def test_whole_ones_come_newest_first_beside_what_is_none(workspace: Workspace, begun: Experiment) -> None:
    again = steering.begin(workspace, designs.Design("seeds", "Again", begun.plan, ()))
    (workspace.experiments / "notes.txt").write_text("mine")
    (workspace.experiments / "empty").mkdir()
    assert [each.id for each in experiments.listed(workspace)] == [again.id, begun.id]


def test_resumed_runs_are_read_back_also_as_an_earlier_version_had_them(
    workspace: Workspace, begun: Experiment
) -> None:
    run = begun.members[0].run
    assert experiments.changed(workspace, begun.id, resumed=((run, 3),)).resumed == ((run, 3),)
    assert experiments.load(workspace, begun.id).resumed == ((run, 3),)
    path = workspace.experiments / begun.id / FILE
    path.write_text(json.dumps({**json.loads(path.read_text()), "resumed": [run]}))
    assert experiments.load(workspace, begun.id).resumed == ((run, 0),)


def test_a_title_of_many_lines_is_on_one(workspace: Workspace, begun: Experiment) -> None:
    assert experiments.changed(workspace, begun.id, title="A\nB\x00C").id == begun.id
    assert experiments.load(workspace, begun.id).title == "A B C"


def test_one_that_was_changed_is_read_anew(workspace: Workspace, begun: Experiment) -> None:
    assert not experiments.load(workspace, begun.id).cancelled
    experiments.changed(workspace, begun.id, cancelled=True)
    assert experiments.load(workspace, begun.id).cancelled
