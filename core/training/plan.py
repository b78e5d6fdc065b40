"""A plan: everything that a training needs, as data."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import TypeVar

from core.backbones import catalogue
from core.errors import BadInput
from core.files import JsonObject, read_json, write_json
from core.i18n import _
from core.training import fields as bounds
from core.training.start import LONGEST_HISTORY, RANDOM, Ancestor, Start
from core.workspace import is_id

PLAN_VERSION = 4
READABLE_VERSIONS = (1, 2, 3, 4)
# What Keras gives AdamW by itself; until version 4 that was what it had.
ADAMW_DECAY = 0.004
_Part = TypeVar("_Part")


@dataclass(frozen=True)
class Head:
    """What is put on the backbone; the bounds are in :mod:`core.training.fields`.

    Attributes:
        pooling: ``avg``, ``max`` or ``flatten``.
        dropout: Share of features dropped in training, 0 to 0.8.
        hidden: Units of an extra ReLU layer; 0 for none.
    """

    pooling: str = bounds.POOLING.default
    dropout: float = bounds.DROPOUT.default
    hidden: int = int(bounds.HIDDEN.default)


@dataclass(frozen=True)
class Recipe:
    """How the training goes.

    Attributes:
        epochs: Passes over the training images, 1 to 500.
        batch_size: Images a step, 1 to 128.
        learning_rate: Of the optimizer, 1e-7 to 1.
        optimizer: ``adam``, ``adamw``, ``sgd`` (momentum 0.9) or ``rmsprop``.
        seed: Start of every random choice, 0 to 2**31 - 1.
        augment: ``none``, ``light`` or ``strong``.
        views: Changed views that are made of a training photo, an epoch taking the next, 1 to 64; 0
            for a fresh one in every epoch. Without augmentation it means nothing.
        method: ``single``, ``lp-ft`` (the head alone first) or ``gradual`` (block by block), see
            :mod:`core.training.stages`. Where only the head learns it means nothing.
        stage_epochs: Epochs of each stage before the last, 1 to 100.
        head_rate: Learning rate of a stage in which the head alone learns, 1e-7 to 1.
        lr_factor: What the rate is multiplied by from block to block towards the input, 0.05 to 1.
        schedule: How the rate goes over the last stage: ``constant`` or ``cosine``.
        warmup: Epochs over which it rises at the begin of the last stage, 0 to 50.
        early_stopping: Epochs of the last stage without anything better after which the training ends,
            0 to 100; 0 never.
        class_weights: Whether each class counts as much as any other in training.
        label_smoothing: Share of certainty taken from each right answer, 0 to 0.5.
        weight_decay: Share of a weight taken from it in a step at a learning rate of 1, 0 to 1.
        norms: Whether BatchNorm of pretrained blocks that learn is ``frozen`` or ``updating``.
    """

    epochs: int = int(bounds.EPOCHS.default)
    batch_size: int = int(bounds.BATCH_SIZE.default)
    learning_rate: float = bounds.LEARNING_RATE.default
    optimizer: str = bounds.OPTIMIZER.default
    seed: int = int(bounds.SEED.default)
    augment: str = bounds.AUGMENT.default
    views: int = int(bounds.VIEWS.default)
    method: str = bounds.METHOD.default
    stage_epochs: int = int(bounds.STAGE_EPOCHS.default)
    head_rate: float = bounds.HEAD_RATE.default
    lr_factor: float = bounds.LR_FACTOR.default
    schedule: str = bounds.SCHEDULE.default
    warmup: int = int(bounds.WARMUP.default)
    early_stopping: int = int(bounds.EARLY_STOPPING.default)
    class_weights: bool = bounds.CLASS_WEIGHTS.default
    label_smoothing: float = bounds.LABEL_SMOOTHING.default
    weight_decay: float = bounds.WEIGHT_DECAY.default
    norms: str = bounds.NORMS.default

    @property
    def different_views(self) -> int | None:
        """How many views of a photo its epochs see; ``None`` where each sees a fresh one."""
        if self.augment == "none":
            return 1
        return min(self.views, self.epochs) if self.views else None

    def with_usual_decay(self, before: str) -> Recipe:
        """Return the recipe with the decay that its optimizer is usual with, where that was another before.

        AdamW is made for weight decay; the others begin without.
        """
        if self.optimizer == before or "adamw" not in (self.optimizer, before):
            return self
        return replace(self, weight_decay=ADAMW_DECAY if self.optimizer == "adamw" else 0.0)

    def view(self, epoch: int) -> int:
        """Return the number of the view that an epoch, counted from 0, sees of each photo."""
        return epoch if self.different_views is None else epoch % self.different_views


@dataclass(frozen=True)
class Plan:
    """Enough to run a training, and to run it again.

    Attributes:
        dataset: The dataset's id in the workspace; empty where there is none, to reckon with.
        dataset_title: Its title when the plan was made; text from outside.
        backbone: A name of :data:`core.backbones.catalogue.BACKBONES`.
        trainable: The blocks that may learn, in the backbone's order; empty trains the head alone.
        head: What is put on the backbone.
        recipe: How the training goes.
        limit: At most so many images in all; ``None`` for all of them.
        weights: What the backbone starts from.
        image_size: Edge of the images in pixels; ``None`` for the backbone's own.
        history: The runs that the backbone has been through, the first first.
        cache: Whether what the frozen part makes of each photo is kept and used again. It changes how
            long a training takes and nothing else.
        train_per_class: Learn from at most so many images of each class; ``None`` for all of them. The
            images of a smaller number are among those of a larger one with the same seed.
        test_at_end: Whether the test split is looked at when the fit has ended.
        version: The form of this file.
    """

    dataset: str
    dataset_title: str
    backbone: str
    trainable: tuple[str, ...] = ()
    head: Head = field(default_factory=Head)
    recipe: Recipe = field(default_factory=Recipe)
    limit: int | None = None
    weights: Start = field(default_factory=Start)
    image_size: int | None = None
    history: tuple[Ancestor, ...] = ()
    cache: bool = True
    train_per_class: int | None = None
    test_at_end: bool = True
    version: int = PLAN_VERSION

    @property
    def size(self) -> int:
        """Edge of the images, in pixels."""
        return self.image_size or catalogue.get(self.backbone).input_size

    @property
    def norms_learn(self) -> bool:
        """Whether BatchNorm of blocks that learn does so too: from scratch always."""
        return self.weights.source == RANDOM or self.recipe.norms == "updating"

    def checked(self) -> Plan:
        """Return the plan with its blocks in order, and its backbone by the name of the catalogue.

        Raises:
            BadInput: A value is outside its bounds, or the backbone or a block is unknown.
        """
        for text in (self.backbone, self.dataset, self.dataset_title):
            if not isinstance(text, str):
                raise BadInput(_("The plan cannot be read."), given=repr(text)[:80])
        # NOTE: it becomes the name of a folder; empty where a plan is only reckoned with.
        if self.dataset and not is_id(self.dataset):
            raise BadInput(_("There is no such dataset."), given=repr(self.dataset)[:80])
        backbone = catalogue.get(self.backbone)
        for part, declared in ((self.head, bounds.HEAD_FIELDS), (self.recipe, bounds.RECIPE_FIELDS)):
            for each in declared:
                each.check(getattr(part, each.name))
        if self.limit is not None:
            bounds.LIMIT.check(self.limit)
        if self.image_size is not None:
            backbone.check_size(self.image_size)
        if self.train_per_class is not None:
            bounds.TRAIN_PER_CLASS.check(self.train_per_class)
        self.weights.check()
        for switch in (self.cache, self.test_at_end):
            if not isinstance(switch, bool):
                raise BadInput(_("The plan cannot be read."), given=repr(switch)[:80])
        if len(self.history) > LONGEST_HISTORY:
            raise BadInput(_("The history of a plan cannot be read."), given=str(len(self.history)))
        if not isinstance(self.trainable, tuple) or not all(
            isinstance(name, str) for name in self.trainable
        ):
            raise BadInput(_("The list of blocks cannot be read."), given=repr(self.trainable)[:80])
        chosen = ",".join(self.trainable) or "none"
        return replace(
            self, backbone=backbone.name, trainable=catalogue.parse_trainable(backbone, chosen)
        )

    def to_json(self) -> JsonObject:
        """Return the plan as a JSON object; :meth:`from_json` reads it back."""
        return asdict(self)

    @classmethod
    def from_json(cls, given: JsonObject) -> Plan:
        """Read a plan from a JSON object.

        Raises:
            BadInput: A part is missing, of the wrong kind, unknown or outside its bounds.
        """
        if given.get("version") not in READABLE_VERSIONS:
            raise BadInput(
                _("This plan was written by another version."),
                given=repr(given.get("version"))[:40],
                fix=_("Make the plan again in this version."),
            )
        values = dict(given)
        trainable = values.get("trainable")
        values["head"] = _part(Head, values.get("head"))
        values["recipe"] = _part(Recipe, _as_it_was(values.get("recipe"), given["version"]))
        # NOTE: version 1 knew neither weights, image size nor history; their defaults are what it did.
        values["version"] = PLAN_VERSION
        values["weights"] = _part(Start, values.get("weights", {}))
        values["history"] = _history(values.get("history", ()))
        values["trainable"] = tuple(trainable) if isinstance(trainable, list | tuple) else trainable
        return _part(cls, values).checked()

    def save(self, path: Path) -> None:
        """Write the plan to ``path``, whole or not at all."""
        write_json(path, self.to_json())

    @classmethod
    def load(cls, path: Path) -> Plan:
        """Read the plan at ``path``; raises BadInput where it is missing or damaged."""
        return cls.from_json(read_json(path))


def _as_it_was(recipe: object, version: object) -> object:
    """Say of a recipe of an earlier version what it did.

    Before version 3 every epoch saw a fresh view, and before version 4 AdamW decayed as Keras has it.
    """
    if not isinstance(recipe, dict):
        return recipe
    if version in (1, 2) and recipe.get("augment") in ("light", "strong"):
        recipe = {"views": 0, **recipe}
    if version in (1, 2, 3) and recipe.get("optimizer") == "adamw":
        recipe = {"weight_decay": ADAMW_DECAY, **recipe}
    return recipe


def _history(given: object) -> tuple[Ancestor, ...]:
    if not isinstance(given, list | tuple):
        raise BadInput(_("The history of a plan cannot be read."), given=repr(given)[:80])
    return tuple(Ancestor.from_json(each) for each in given)


def _part(kind: type[_Part], given: object) -> _Part:
    known = {each.name for each in fields(kind)}  # type: ignore[arg-type]
    if not isinstance(given, dict) or not set(given) <= known:
        raise BadInput(_("The plan cannot be read."), given=repr(given)[:80])
    try:
        return kind(**given)
    except TypeError as error:
        raise BadInput(_("The plan cannot be read."), given=repr(given)[:80]) from error
