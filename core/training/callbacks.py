"""Keras callbacks: telling what happens, stopping at once."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

import keras

from core.errors import RunFailed
from core.i18n import _
from core.training.checkpoint import Checkpoint
from core.training.cost import Cost
from core.training.events import BatchRow, EpochRow, Listener, Step
from core.training.feed import Batches

LIVE_POINTS = 1500
SPEED_WINDOW_STEPS = 30
FEWEST_STEPS = 10


class StopNow(Exception):
    """Raised inside ``fit`` or ``predict`` to leave it at once."""


class StopOnRequest(keras.callbacks.Callback):  # type: ignore[misc]
    """Leaves training, validation and prediction after the current batch once ``stop`` is set.

    NOTE: ``model.stop_training`` would wait for the end of a validation; an exception does not.

    Args:
        stop: Set it to leave.
        before: Done just before, between two steps.
    """

    def __init__(self, stop: threading.Event, before: Callable[[], None] = lambda: None) -> None:
        super().__init__()
        self._stop = stop
        self._before = before

    def _check(self) -> None:
        if self._stop.is_set():
            self._before()
            raise StopNow

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Check after each training step."""
        self._check()

    def on_test_begin(self, logs: dict[str, float] | None = None) -> None:
        """Check before the first validation builds its graph."""
        self._check()

    def on_predict_begin(self, logs: dict[str, float] | None = None) -> None:
        """Check before a prediction builds its graph."""
        self._check()

    def on_test_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Check after each validation step."""
        self._check()

    def on_predict_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Check after each prediction step."""
        self._check()


class Tell(keras.callbacks.Callback):  # type: ignore[misc]
    """Tells a listener each step and epoch, with the time left.

    Args:
        listener: Who is told.
        train: The training batches; their order is set at each epoch's begin.
        batch_size: Images a step.
        validation_images: How many images a validation has; 0 where there is none.
        costs: What each epoch of the whole training costs, in the same unit.
        saved_s: Says what was saved once so many images have been learned from or validated on.
        going_on: Where the training goes on, or ``None`` where it begins.
        phase: What the history calls this part of the training.
    """

    def __init__(
        self, listener: Listener, train: Batches, batch_size: int, validation_images: int,
        costs: Sequence[Cost], saved_s: Callable[[int], float | None] = lambda _passes: None,
        going_on: Checkpoint | None = None, *, phase: str = "fit",
    ) -> None:
        super().__init__()
        self._listener = listener
        self._train = train
        self._images = train.images
        self._batch_size = batch_size
        self._steps = len(train)
        # Looking at a photo is only a forward pass: about a third of learning from it.
        self._validation_weight = validation_images / 3
        self._validation_images = validation_images
        self._saved_s = saved_s
        self._recent: deque[tuple[float, int]] = deque(maxlen=SPEED_WINDOW_STEPS)
        self._past_images = 0
        self._past_s = 0.0
        self._validation_s: float | None = None
        self._costs = costs
        self._every = max(1, self._steps * len(costs) // LIVE_POINTS)
        self._phase = phase
        self._going_on = going_on
        self._graph_is_built = False
        self.history: list[EpochRow] = list(going_on.history) if going_on else []
        self.step = 0
        self.means: dict[str, float] = {}

    @property
    def epoch_seconds(self) -> float:
        """Seconds that the epoch under way has taken."""
        return time.perf_counter() - self._began

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Set the epoch's order before Keras asks for its first batch."""
        self._train.begin_epoch(epoch)
        self._epoch = epoch
        self._begin_at(self._going_on)
        self._going_on = None
        self._drawn, self._drawn_sums = self._seen, self._sums
        self._recent.clear()
        self._recent.append((time.perf_counter(), self._seen))
        # The first step of all also builds the graph, which takes seconds: it is not training yet.
        if self._graph_is_built:
            self._listener.phase("training")

    def _begin_at(self, before: Checkpoint | None) -> None:
        """Take up an epoch where it was left; a new one at its first step."""
        within = before is not None and before.step > 0 and before.epochs == self._epoch
        self._skipped = self.step = before.step if before and within else 0
        self.means = dict(before.logs) if before and within else {}
        self._began = time.perf_counter() - (before.seconds if before and within else 0.0)
        self._seen = min(self._images, self.step * self._batch_size)
        self._sums = (self.means.get("loss", 0.0) * self._seen, self.means.get("accuracy", 0.0) * self._seen)

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Tell the step; every few steps also a point of the curve."""
        values = logs or {}
        loss, accuracy = float(values["loss"]), float(values["accuracy"])
        # NOTE: of several steps at once Keras tells where they would have ended, had there been enough.
        done = min(self._skipped + batch + 1, self._steps)
        if not math.isfinite(loss):
            raise RunFailed(
                _("The loss is no longer a number: the weights have run away."),
                given=_("epoch {epoch}, step {step}").format(epoch=self._epoch + 1, step=done),
                fix=_("Lower the learning rate, for example to a tenth, and train again."),
            )
        self.step, self.means = done, {"loss": loss, "accuracy": accuracy}
        self._seen = min(self._images, done * self._batch_size)
        # NOTE: not "batch 0": several steps may be taken at once, and only the last of them is told.
        if not self._graph_is_built:
            self._graph_is_built = True
            self._listener.phase("training")
            self._recent.clear()  # what the first step took says nothing of those to come
        self._recent.append((time.perf_counter(), self._seen))
        if done == self._steps:
            (first_at, first), (last_at, last) = self._recent[0], self._recent[-1]
            self._past_images += last - first
            self._past_s += last_at - first_at
        # Keras reports means over the epoch so far; differences give the mean of the last steps.
        self._sums = (loss * self._seen, accuracy * self._seen)
        if self._seen - self._drawn >= self._every * self._batch_size or done == self._steps:
            self._draw(done)
        self._listener.step(self._step(done))

    def on_test_begin(self, logs: dict[str, float] | None = None) -> None:
        """Note when the validation begins."""
        self._validation_began = time.perf_counter()
        self._listener.phase("validating")

    def on_test_end(self, logs: dict[str, float] | None = None) -> None:
        """Note how long the validation took, for the time left."""
        self._validation_s = time.perf_counter() - self._validation_began

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Tell the finished epoch."""
        values = logs or {}
        row = EpochRow(
            epoch=epoch + 1,
            phase=self._phase,
            loss=float(values["loss"]),
            accuracy=float(values["accuracy"]),
            val_loss=_maybe(values, "val_loss"),
            val_accuracy=_maybe(values, "val_accuracy"),
            learning_rate=float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate)),
            seconds=self.epoch_seconds,
        )
        self.step, self.means = 0, {}
        self.history.append(row)
        self._listener.epoch(row)

    def _draw(self, done: int) -> None:
        images = self._seen - self._drawn
        loss, accuracy = (
            (now - before) / images
            for now, before in zip(self._sums, self._drawn_sums, strict=True)
        )
        self._drawn, self._drawn_sums = self._seen, self._sums
        position = self._epoch + done / self._steps
        # A difference of means may fall just outside what an accuracy can be.
        self._listener.batch(BatchRow(position, loss, min(1.0, max(0.0, accuracy))))

    def _step(self, done: int) -> Step:
        speed = self._speed()
        weight = self._images + self._validation_weight
        whole = sum(each.opening + each.epoch for each in self._costs)
        now = self._costs[self._epoch]
        before = sum(each.opening + each.epoch for each in self._costs[:self._epoch]) + now.opening
        progress = (before + now.epoch * self._seen / weight) / whole
        passes = self._epoch * (self._images + self._validation_images) + self._seen
        return Step(
            self._epoch + 1, done, self._steps, min(1.0, progress), self._eta(speed), speed,
            self._saved_s(passes),
        )

    def _speed(self) -> float | None:
        """Return images a second: of the last steps, or of past epochs until these are enough."""
        (first_at, first), (last_at, last) = self._recent[0], self._recent[-1]
        enough = FEWEST_STEPS if self._past_s else 2
        if len(self._recent) > enough and last_at > first_at:
            return (last - first) / (last_at - first_at)
        return self._past_images / self._past_s if self._past_images else None

    def _eta(self, speed: float | None) -> float | None:
        if not speed:
            return None
        # Epochs of a later stage in units of this one, with what it takes to begin that stage.
        later = sum(each.opening + each.epoch for each in self._costs[self._epoch + 1:])
        left = later / self._costs[self._epoch].epoch
        training = (left * self._images + self._images - self._seen) / speed
        validation = self._validation_s
        if validation is None:
            validation = self._validation_weight / speed
        return training + validation * (left + 1)


def _maybe(values: dict[str, float], name: str) -> float | None:
    return float(values[name]) if name in values else None
