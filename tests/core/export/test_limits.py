from __future__ import annotations

from dataclasses import replace

from core.data.dataset import Dataset
from core.export.limits import limits
from tests.core.export.found import bare, full, sure_share


def test_a_run_that_was_not_measured_says_so_first() -> None:
    assert "has not been measured" in limits(bare())[0]


def test_few_photos_many_looks_and_a_weak_result_are_said(dataset: Dataset) -> None:
    found = full(dataset)
    assert found.measured is not None
    measured = replace(found.measured, accuracy=sure_share(40, 60))
    said = " ".join(limits(replace(found, measured=measured, majority=("red", sure_share(35, 60)))))
    assert "measured on 60 test photos; with others the accuracy could well be anywhere between 54%" in said
    assert "looked at 2 times" in said
    assert "not clearly better than always saying “red”" in said


def test_test_photos_that_an_earlier_run_learned_from_are_said(dataset: Dataset) -> None:
    assert any("learned from 7 of the test photos" in each
               for each in limits(replace(full(dataset), learned_before=7)))
    assert not any("earlier run" in each for each in limits(full(dataset)))


def test_classes_with_few_photos_are_named(dataset: Dataset) -> None:
    found = full(dataset)
    assert found.measured is not None
    few = [replace(each, images=5) for each in found.measured.by_class]
    said = " ".join(limits(replace(found, measured=replace(found.measured, by_class=tuple(few)))))
    assert "2 classes have fewer than 30 test photos" in said
    assert "blue, red" in said


def test_what_intake_found_is_said_in_sentences(dataset: Dataset) -> None:
    said = limits(replace(bare(), dataset=dataset))
    problem = dataset.problems[0]
    assert f"{problem.title}: {problem.message}" in said


def test_a_missing_dataset_is_said() -> None:
    assert any("no longer in the workspace" in each for each in limits(bare()))
