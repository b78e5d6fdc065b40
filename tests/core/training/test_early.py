"""Ending early: after so many epochs of the last stage that brought nothing better."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from core.training.events import EpochRow

pytestmark = pytest.mark.slow  # TensorFlow comes with the callback


@dataclass
class Told:
    history: list[EpochRow] = field(default_factory=list)


def after(patience: int, accuracies: list[float | None], first: int = 0) -> list[bool]:
    """Return for each epoch whether the training is over after it."""
    from core.training.early import EndEarly

    told, said = Told(), []
    early = EndEarly(patience, first, told)  # type: ignore[arg-type]
    for number, accuracy in enumerate(accuracies, start=1):
        val_loss = None if accuracy is None else 1.0
        told.history.append(EpochRow(number, "fit", 1.0, 0.5, val_loss, accuracy, 1e-3, 1.0))
        said.append(early.over)
    return said


def test_it_ends_once_so_many_epochs_brought_nothing_better() -> None:
    assert after(2, [0.5, 0.6, 0.6, 0.5, 0.9]) == [False, False, False, True, False]


def test_without_patience_it_goes_to_the_end() -> None:
    assert after(0, [0.5, 0.4, 0.3, 0.2]) == [False] * 4


def test_epochs_before_the_stage_do_not_count() -> None:
    # The best epoch is of the stage before: the new one has its chance all the same.
    assert after(2, [0.9, 0.5, 0.5, 0.5, 0.5], first=2) == [False, False, False, True, True]


def test_without_validation_photos_the_training_loss_decides() -> None:
    assert after(2, [None, None, None]) == [False, False, True]


def test_before_the_first_epoch_it_is_not_over() -> None:
    from core.training.early import EndEarly

    assert not EndEarly(1, 0, Told()).over  # type: ignore[arg-type]


def test_keras_is_told_to_stop_after_the_epoch() -> None:
    from core.training.early import EndEarly

    told = Told([EpochRow(n, "fit", 1.0, 0.5, 1.0, 0.5, 1e-3, 1.0) for n in (1, 2)])

    class Learner:
        stop_training = False

    for patience, stops in ((2, False), (1, True)):
        early, learner = EndEarly(patience, 0, told), Learner()  # type: ignore[arg-type]
        early.set_model(learner)
        early.on_epoch_end(1)
        assert learner.stop_training is stops
