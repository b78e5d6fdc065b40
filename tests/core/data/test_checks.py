from __future__ import annotations

from pathlib import Path

import pytest

from core.data import checks
from core.data.checks import Findings
from core.data.dataset import SPLITS, Dataset, Duplicate, Ignored, Item, Refused


def made(counts: dict[str, tuple[int, int, int]], *, own_split: bool = False) -> Dataset:
    items = []
    for label, numbers in enumerate(counts.values()):
        for split, number in zip(SPLITS, numbers, strict=True):
            for _repeat in range(number):
                name = f"{len(items):06d}"
                items.append(Item(f"images/{name}.png", name, label, split, name, 1, 1))
    return Dataset(
        id="d",
        title="d",
        source="folder",
        folder=Path(),
        classes=tuple(counts),
        items=tuple(items),
        refused=(),
        duplicates=(),
        ignored=(),
        problems=(),
        seed=0,
        own_split=own_split,
        created="2026-01-01T00:00:00+00:00",
    )


def found(
    counts: dict[str, tuple[int, int, int]],
    findings: Findings | None = None,
    *,
    own_split: bool = False,
) -> dict[str, str]:
    problems = checks.problems(made(counts, own_split=own_split), findings or Findings())
    return {problem.title: problem.level for problem in problems}


GOOD = (40, 8, 8)


def test_a_good_dataset_has_no_problems() -> None:
    assert found({"cat": GOOD, "dog": GOOD}) == {}


def test_one_class_is_an_error() -> None:
    assert found({"cat": GOOD}) == {"Fewer than two classes": "error"}


def test_a_class_with_fewer_than_five_images_is_a_warning() -> None:
    problems = found({"cat": GOOD, "dog": (2, 1, 1)})
    assert problems["Classes with very few images"] == "warning"
    assert "error" not in problems.values()


def test_a_class_too_small_to_divide_is_an_error() -> None:
    assert found({"cat": GOOD, "dog": (1, 1, 0)})["Too few images to train on"] == "error"


def test_a_class_without_training_images_is_an_error() -> None:
    problems = found({"cat": GOOD, "dog": (0, 8, 8)}, own_split=True)
    assert problems["Too few images to train on"] == "error"


def test_a_class_without_test_images_is_a_warning() -> None:
    problems = found({"cat": GOOD, "dog": (40, 8, 0)}, own_split=True)
    assert problems == {"No images for the test": "warning"}


def test_no_validation_images_at_all_are_an_error() -> None:
    problems = found({"cat": (40, 0, 8), "dog": (40, 0, 8)}, own_split=True)
    assert problems["No images for validation"] == "error"


@pytest.mark.parametrize(("largest", "level"), [(200, "warning"), (199, None)])
def test_imbalance_begins_at_five_times(largest: int, level: str | None) -> None:
    problems = found({"cat": (largest - 20, 10, 10), "dog": (20, 10, 10)})
    assert problems.get("Classes of very different size") == level


def test_very_few_images_are_a_warning() -> None:
    assert found({"cat": (15, 5, 5), "dog": (15, 5, 4)})["Very few images"] == "warning"


def test_class_names_that_look_alike_are_a_warning() -> None:
    assert found({"Cat": GOOD, "cat": GOOD}) == {"Class names that look alike": "warning"}


def test_what_the_intake_found_is_told() -> None:
    findings = Findings(
        across_splits=2, across_classes=1, carved=("test",), emptied=("bird",)
    )
    problems = found({"cat": GOOD, "dog": GOOD}, findings)
    assert problems == {
        "Classes without a usable image": "warning",
        "Same images on both sides of the split": "warning",
        "Same images in two classes": "warning",
        "Test set made here": "warning",
    }


def test_errors_come_first_and_every_problem_says_what_to_do() -> None:
    problems = checks.problems(made({"cat": (1, 1, 0)}), Findings(across_splits=1))
    levels = [problem.level for problem in problems]
    assert levels == sorted(levels)
    assert all(problem.title and problem.message.endswith(".") for problem in problems)


def test_many_class_names_are_shortened() -> None:
    names = {f"class {number:02}": (1, 0, 0) for number in range(9)}
    problems = checks.problems(made(names), Findings())
    message = next(entry.message for entry in problems if entry.title.startswith("Too few"))
    assert "class 04 and 4 more" in message


def test_braces_in_a_class_name_are_shown_as_they_are() -> None:
    problems = checks.problems(made({"{names}": (1, 0, 0), "b": GOOD}), Findings())
    assert any("{names}" in problem.message for problem in problems)


def test_the_report_has_exactly_what_the_command_line_prints() -> None:
    dataset = made({"cat": (2, 1, 0)})
    full = Dataset(
        **{
            **vars(dataset),
            "refused": (Refused("a.txt", "No."),),
            "duplicates": (Duplicate("b.png", "c.png"),),
            "ignored": (Ignored("Thumbs.db", "Left behind."),),
            "problems": checks.problems(dataset, Findings())[:1],
        }
    )
    report = checks.report(full)
    assert report["classes"] == [{"name": "cat", "train": 2, "validation": 1, "test": 0}]
    assert report["images"] == 3
    assert report["refused"] == [{"file": "a.txt", "reason": "No."}]
    assert report["duplicates"] == [{"file": "b.png", "same_as": "c.png"}]
    assert report["ignored"] == [{"file": "Thumbs.db", "reason": "Left behind."}]
    assert report["problems"] == [
        {
            "level": "error",
            "title": "Fewer than two classes",
            "message": full.problems[0].message,
        }
    ]
    assert set(report) == {
        "classes",
        "images",
        "refused",
        "duplicates",
        "ignored",
        "problems",
    }
