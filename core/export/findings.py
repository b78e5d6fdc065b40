"""All that a report and a model card say of a run, as data; what is not known is ``None`` or empty."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from core.data.dataset import Dataset
from core.insight.confidence import Calibration
from core.insight.metrics import Share
from core.insight.rates import Rates
from core.training.events import EpochRow
from core.training.plan import Plan


@dataclass(frozen=True)
class Photo:
    """A photo of the report.

    Attributes:
        jpeg: A small JPEG file.
        is_class: What it is; text from outside.
        said: What the model says; text from outside.
        sure: How likely the model holds that, 0 to 1.
        heatmap: The photo under its heatmap, a JPEG file; ``None`` where there is none.
    """

    jpeg: bytes
    is_class: str
    said: str
    sure: float
    heatmap: bytes | None = None


@dataclass(frozen=True)
class Moved:
    """How far a block has moved: its weights, and how alike its features are; ``None`` is not known."""

    block: str
    weights: float | None
    cka: float | None


@dataclass(frozen=True)
class Findings:
    """What is known of a run.

    Attributes:
        title: What the run is called; text from outside.
        state: How it stands, in words.
        made: When the report was made, as a date.
        trained: When the training ended, as a date; empty where that is not known.
        plan: What was asked for.
        dataset: What it learned from; ``None`` where that is gone.
        history: Its epochs.
        kept: The epoch whose weights it has kept.
        stages: The first epoch of each stage and what it is called, where there are several.
        parameters: How many there are and how many learned.
        seconds: How long the training took.
        saved_s: How much longer the plain way would have taken, an estimate.
        versions: Of the libraries it was trained with.
        machine: What it was trained on, by name.
        looks: How often its test photos were looked at.
        measured: The figures on the test photos.
        learned_before: How many of the test photos an earlier run that it starts from learned from; ``None``
            where that is not known.
        unseen: Why there is nothing on single test photos, one sentence; empty where there is.
        majority: What always saying the commonest class would get right, and that class.
        calibration: How far its sureness holds on the test photos.
        temperature: What it was fitted to on validation photos.
        hardest: The test photos with the highest loss first.
        heatmaps: Test photos with heatmaps, some right and some wrong.
        heatmap_block: The block of the heatmaps.
        moved: How far each block has moved.
        holding: For each corruption in words, the accuracy at each strength.
        holding_on: The photos that this was measured on, in words.
        clean: The accuracy on the same photos as they are.
        audit: What the data audit found, in words with their number.
        usage: How plain Keras asks the model.
    """

    title: str
    state: str
    made: str
    plan: Plan
    usage: str
    trained: str = ""
    dataset: Dataset | None = None
    history: Sequence[EpochRow] = ()
    kept: int | None = None
    stages: Sequence[tuple[int, str]] = ()
    parameters: tuple[int, int] | None = None
    seconds: float | None = None
    saved_s: float | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    machine: Mapping[str, str] = field(default_factory=dict)
    looks: int = 0
    measured: Rates | None = None
    learned_before: int | None = None
    unseen: str = ""
    majority: tuple[str, Share] | None = None
    calibration: Calibration | None = None
    temperature: float | None = None
    hardest: Sequence[Photo] = ()
    heatmaps: Sequence[Photo] = ()
    heatmap_block: str = ""
    moved: Sequence[Moved] = ()
    holding: Sequence[tuple[str, Sequence[Share]]] = ()
    holding_on: str = ""
    clean: Share | None = None
    audit: Sequence[tuple[str, int]] = ()
