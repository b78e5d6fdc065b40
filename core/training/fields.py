"""What a person may set in a plan: bounds, defaults and help, in one place for page and command line."""

from __future__ import annotations

from dataclasses import dataclass

from core.errors import BadInput
from core.i18n import _


@dataclass(frozen=True)
class NumberField:
    """A number with bounds.

    Attributes:
        name: The name in the plan and, with hyphens, on the command line.
        title: The label shown to people.
        help: One or two sentences: what it does, what to try.
        default: The value where nothing is chosen.
        low: The smallest value allowed.
        high: The largest value allowed.
        step: The step of the control; whole numbers are required where it is an ``int``.
        choices: Ready values for a control that offers a few; any value within bounds is allowed.
    """

    name: str
    title: str
    help: str
    default: float
    low: float
    high: float
    step: float = 1
    choices: tuple[float, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether only whole numbers are allowed."""
        return isinstance(self.default, int)

    def check(self, value: object) -> None:
        """Raise BadInput where ``value`` is no number within the bounds."""
        right_kind = isinstance(value, int if self.whole else (int, float))
        if not right_kind or isinstance(value, bool):
            raise self._refused(value)
        # NOTE: false for what is not a number; and a whole number of any length can be compared.
        if not self.low <= value <= self.high:  # type: ignore[operator]
            raise self._refused(value)

    def _refused(self, value: object) -> BadInput:
        kind = _("a whole number") if self.whole else _("a number")
        low, high = (f"{each:,}" if self.whole else f"{each:g}" for each in (self.low, self.high))
        return BadInput(
            _("The value of “{title}” cannot be used.").format(title=self.title),
            given=f"{value!r}"[:80],
            fix=_("Choose {kind} from {low} to {high}.").format(
                kind=kind, low=low, high=high
            ),
        )


@dataclass(frozen=True)
class ChoiceField:
    """One of a few named values.

    Attributes:
        name: The name in the plan and on the command line.
        title: The label shown to people.
        help: What the choices do.
        default: The value where nothing is chosen.
        choices: Value and label of each, in the order shown.
    """

    name: str
    title: str
    help: str
    default: str
    choices: tuple[tuple[str, str], ...]

    @property
    def values(self) -> tuple[str, ...]:
        """The values alone."""
        return tuple(value for value, _label in self.choices)

    def label(self, value: str) -> str:
        """Return the label of a value."""
        return dict(self.choices)[value]

    def check(self, value: object) -> None:
        """Raise BadInput where ``value`` is none of the choices."""
        if value not in self.values:
            raise BadInput(
                _("The value of “{title}” cannot be used.").format(title=self.title),
                given=f"{value!r}"[:80],
                fix=_("Choose one of: {choices}.").format(choices=", ".join(self.values)),
            )


POOLING = ChoiceField(
    "pooling", _("Pooling"),
    _("How the backbone's last feature map becomes one row of numbers: its average, its maximum, or "
      "all of it laid flat. Average is the usual choice; flat needs many more parameters."),
    "avg", (("avg", _("Average")), ("max", _("Maximum")), ("flatten", _("Flatten"))),
)
DROPOUT = NumberField(
    "dropout", _("Dropout"),
    _("The share of features left out at random in each training step. It slows memorising; "
      "0.2 is a common start, 0 turns it off."),
    0.2, 0.0, 0.8, 0.05,
)
HIDDEN = NumberField(
    "hidden", _("Extra layer"),
    _("The size of one extra layer between the features and your classes. Most photo sets do not "
      "need it; try it when training accuracy stays low."),
    0, 0, 2048, 1, (0, 64, 128, 256),
)
EPOCHS = NumberField(
    "epochs", _("Epochs"),
    _("How many times the network sees every training photo. Watch the validation curve: when it "
      "stays flat, more epochs bring nothing."),
    10, 1, 500, 1,
)
BATCH_SIZE = NumberField(
    "batch_size", _("Batch size"),
    _("How many photos are looked at before the weights change. Larger is steadier and needs more "
      "memory; 32 suits most laptops."),
    32, 1, 128, 1, (8, 16, 32, 64),
)
LEARNING_RATE = NumberField(
    "learning_rate", _("Learning rate"),
    _("How large each change of the weights is. 0.001 suits a new head; when blocks learn as well, "
      "0.0001 keeps what they know."),
    1e-3, 1e-7, 1.0, 1e-4, (1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2),
)
OPTIMIZER = ChoiceField(
    "optimizer", _("Optimizer"),
    _("The rule that turns errors into changes of the weights. Adam works without much tuning; SGD "
      "here uses a momentum of 0.9."),
    "adam", (("adam", "Adam"), ("adamw", "AdamW"), ("sgd", "SGD"), ("rmsprop", "RMSprop")),
)
SEED = NumberField(
    "seed", _("Seed"),
    _("The start of every random choice: first weights, photo order, augmentation, dropout. The same "
      "seed and settings give the same training."),
    0, 0, 2**31 - 1, 1,
)
AUGMENT = ChoiceField(
    "augment", _("Augmentation"),
    _("Shows each training photo a little changed in every epoch: mirrored, turned, zoomed. It helps "
      "when photos are few, and only where the change keeps the meaning."),
    "none", (("none", _("None")), ("light", _("Light")), ("strong", _("Strong"))),
)
VIEWS = NumberField(
    "views", _("Views a photo"),
    _("How many changed views of each training photo are made, once, and shown in turn. The frozen part "
      "then sees each view once and not in every epoch. 0 makes a fresh view in every epoch, which is "
      "slower. Without augmentation it means nothing."),
    4, 0, 64, 1, (0, 2, 4, 8),
)
CACHE = ChoiceField(
    "cache", _("Let each photo pass the frozen part once"),
    _("Keeps what the frozen part of the network makes of each photo, for later epochs and later runs. It "
      "changes how long a training takes and nothing else."),
    "on", (("on", _("On")), ("off", _("Off"))),
)
LIMIT = NumberField(
    "limit", _("Number of photos"),
    _("Uses at most this many photos in all, drawn evenly from every class and split."),
    1000, 10, 10_000_000, 1,
)

HEAD_FIELDS = (POOLING, DROPOUT, HIDDEN)
RECIPE_FIELDS = (EPOCHS, BATCH_SIZE, LEARNING_RATE, OPTIMIZER, SEED, AUGMENT, VIEWS)
