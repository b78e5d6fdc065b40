"""What plans have in common and where they differ, setting by setting, in the words of the pages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from core.backbones import catalogue
from core.i18n import _, ngettext
from core.training import fields as bounds
from core.training.counts import what_learns
from core.training.plan import Plan
from core.training.stages import stage_title, stages_of
from core.training.start import RANDOM, RUN
from core.training.transfer import origin_text


@dataclass(frozen=True)
class Setting:
    """One setting in several plans.

    Attributes:
        name: Its name in the plan.
        label: What people call it.
        values: What it is in each plan, in their order, in words that may hold text from outside; ``None``
            where it means nothing.
        differs: Whether the plans in which it means something have different ones.
    """

    name: str
    label: str
    values: tuple[str | None, ...]
    differs: bool

    @property
    def everywhere(self) -> bool:
        """Whether it means something in every plan."""
        return None not in self.values


@dataclass(frozen=True)
class _Value:
    """What a setting is in a plan: what it is compared by, its words, what tells equal words apart."""

    key: object
    words: str
    detail: str = ""


@dataclass(frozen=True)
class _Kind:
    """How a setting is read from a plan, and which fields of it that takes in."""

    name: str
    label: str
    covers: tuple[str, ...]
    read: Callable[[Plan], _Value | None]


def settings(plans: Sequence[Plan]) -> tuple[Setting, ...]:
    """Return every setting that means something in one of the plans, in the order of the pages.

    Args:
        plans: Checked plans, one at least.
    """
    found = ((kind, [kind.read(plan) for plan in plans]) for kind in _KINDS)
    return tuple(_setting(kind, values) for kind, values in found if any(values))


def differences(plans: Sequence[Plan]) -> tuple[Setting, ...]:
    """Return the settings in which plans differ; what means nothing in a plan is no difference."""
    return tuple(each for each in settings(plans) if each.differs)


def covered() -> frozenset[str]:
    """Return the fields of plan, recipe and head that the settings take in."""
    return frozenset(name for kind in _KINDS for name in kind.covers)


def _setting(kind: _Kind, values: Sequence[_Value | None]) -> Setting:
    known = {(value.key, value.words) for value in values if value is not None}
    alike = len({words for _key, words in known}) < len(known)
    said = tuple(
        None if value is None
        else f"{value.words} ({value.detail})" if alike and value.detail else value.words
        for value in values
    )
    return Setting(kind.name, kind.label, said, len({key for key, _words in known}) > 1)


def _photos(plan: Plan) -> _Value:
    return _Value(plan.dataset, plan.dataset_title, plan.dataset)


def _limit(plan: Plan) -> _Value:
    return _Value(plan.limit, _("all") if plan.limit is None else f"{plan.limit:,}")


def _per_class(plan: Plan) -> _Value:
    most = plan.train_per_class
    return _Value(most, _("all") if most is None else _("at most {n}").format(n=f"{most:,}"))


def _backbone(plan: Plan) -> _Value:
    return _Value(plan.backbone, catalogue.get(plan.backbone).title)


def _weights(plan: Plan) -> _Value:
    start = plan.weights
    words = origin_text(start.source)
    if start.source == RUN and plan.history:
        before = ", ".join(each.dataset_title for each in plan.history)
        words = _("{origin}, which learned from {photos}").format(origin=words, photos=before)
    history = plan.history if start.source == RUN else ()
    return _Value((start, history), words, start.name)


def _size(plan: Plan) -> _Value:
    return _Value(plan.size, _("{edge} px").format(edge=plan.size))


def _blocks(plan: Plan) -> _Value:
    # Of two backbones the blocks have different names, and "everything" is the same choice.
    words = what_learns(plan)
    return _Value(words, words)


def _method(plan: Plan) -> _Value | None:
    """Say in which stages a plan goes on; where only the head learns there is but one way."""
    if not plan.trainable:
        return None
    label = bounds.METHOD.label(plan.recipe.method)
    if plan.recipe.method == bounds.METHOD.default:
        return _Value((label,), label)
    stages = stages_of(plan)
    parts = [
        ngettext("{stage} for {n} epoch", "{stage} for {n} epochs", each.epochs).format(
            stage=stage_title(each.name), n=each.epochs)
        for each in stages
    ]
    key = (label, *((each.name, each.epochs) for each in stages))
    return _Value(key, f"{label}: {', '.join(parts)}")


def _head_rate(plan: Plan) -> _Value | None:
    if not plan.trainable or plan.recipe.method == bounds.METHOD.default:
        return None
    return _Value(plan.recipe.head_rate, _plain_number(plan.recipe.head_rate))


def _lr_factor(plan: Plan) -> _Value | None:
    if not plan.trainable:
        return None
    return _Value(plan.recipe.lr_factor, _plain_number(plan.recipe.lr_factor))


def _views(plan: Plan) -> _Value | None:
    if plan.recipe.augment == "none":
        return None
    views = plan.recipe.views
    return _Value(views, f"{views}" if views else _("a fresh one in every epoch"))


def _norms(plan: Plan) -> _Value | None:
    """Say what BatchNorm does in blocks that learn, where a plan has any and leaves it a choice."""
    blocks = catalogue.get(plan.backbone).blocks
    if plan.weights.source == RANDOM or not any(
        block.norm_parameters for block in blocks if block.name in plan.trainable
    ):
        return None
    return _Value(plan.recipe.norms, bounds.NORMS.label(plan.recipe.norms))


def _test(plan: Plan) -> _Value:
    words = _("looked at in the end") if plan.test_at_end else _("left for later")
    return _Value(plan.test_at_end, words)


def _cache(plan: Plan) -> _Value:
    return _Value(plan.cache, bounds.CACHE.label("on" if plan.cache else "off"))


def _plain_number(value: float) -> str:
    """Return a number without an exponent: 0.0001 and not 1e-04."""
    return f"{value:.10f}".rstrip("0").rstrip(".")


def _of_field(field: bounds.Field, zero: str = "") -> _Kind:
    """Return how a field of the recipe or the head is read that means something in every plan.

    Args:
        field: The field.
        zero: What 0 is called; empty for the number itself.
    """
    in_head = field in bounds.HEAD_FIELDS

    def read(plan: Plan) -> _Value:
        value = getattr(plan.head if in_head else plan.recipe, field.name)
        if isinstance(field, bounds.ChoiceField):
            return _Value(value, field.label(value))
        if isinstance(field, bounds.SwitchField):
            return _Value(value, _("yes") if value else _("no"))
        return _Value(value, zero if zero and not value else _plain_number(value))

    return _Kind(field.name, field.title, (field.name,), read)


_KINDS: tuple[_Kind, ...] = (
    _Kind("dataset", _("Photos"), ("dataset", "dataset_title"), _photos),
    _Kind("limit", bounds.LIMIT.title, ("limit",), _limit),
    _Kind("train_per_class", bounds.TRAIN_PER_CLASS.title, ("train_per_class",), _per_class),
    _Kind("backbone", _("Backbone"), ("backbone",), _backbone),
    _Kind("weights", _("What it starts from"), ("weights", "history"), _weights),
    _Kind("image_size", _("Photo size"), ("image_size",), _size),
    _Kind("trainable", _("What learns"), ("trainable",), _blocks),
    _Kind("method", bounds.METHOD.title, ("method", "stage_epochs"), _method),
    _of_field(bounds.EPOCHS),
    _of_field(bounds.EARLY_STOPPING, _("off")),
    _of_field(bounds.LEARNING_RATE),
    _Kind("head_rate", bounds.HEAD_RATE.title, ("head_rate",), _head_rate),
    _Kind("lr_factor", bounds.LR_FACTOR.title, ("lr_factor",), _lr_factor),
    _of_field(bounds.SCHEDULE),
    _of_field(bounds.WARMUP, _("none")),
    _of_field(bounds.BATCH_SIZE),
    _of_field(bounds.OPTIMIZER),
    _of_field(bounds.WEIGHT_DECAY),
    _of_field(bounds.AUGMENT),
    _Kind("views", bounds.VIEWS.title, ("views",), _views),
    _of_field(bounds.CLASS_WEIGHTS),
    _of_field(bounds.LABEL_SMOOTHING),
    _Kind("norms", bounds.NORMS.title, ("norms",), _norms),
    _of_field(bounds.POOLING),
    _of_field(bounds.HIDDEN, _("none")),
    _of_field(bounds.DROPOUT),
    _of_field(bounds.SEED),
    _Kind("test_at_end", _("Test photos"), ("test_at_end",), _test),
    _Kind("cache", bounds.CACHE.title, ("cache",), _cache),
)
