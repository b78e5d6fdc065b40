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


@dataclass(frozen=True)
class SwitchField:
    """Something that is on or off.

    Attributes:
        name: The name in the plan and, with hyphens, on the command line.
        title: The label shown to people.
        help: What it does.
        default: Whether it is on where nothing is chosen.
    """

    name: str
    title: str
    help: str
    default: bool = False

    def check(self, value: object) -> None:
        """Raise BadInput where ``value`` is neither true nor false."""
        if not isinstance(value, bool):
            raise BadInput(
                _("The value of “{title}” cannot be used.").format(title=self.title),
                given=f"{value!r}"[:80], fix=_("Switch it on or off."),
            )


Field = NumberField | ChoiceField | SwitchField

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
METHOD = ChoiceField(
    "method", _("What learns when"),
    _("All at once is the usual way. Head first trains the new head alone before the chosen blocks join, so "
      "that its first, large errors do not spoil what they know. Block by block thaws one more block in each "
      "stage, from the head towards the input."),
    "single", (
        ("single", _("All at once")), ("lp-ft", _("Head first")), ("gradual", _("Block by block")),
    ),
)
STAGE_EPOCHS = NumberField(
    "stage_epochs", _("Epochs a stage"),
    _("How many epochs each stage before the last takes; the last one takes what is left of them all."),
    5, 1, 100, 1,
)
HEAD_RATE = NumberField(
    "head_rate", _("Rate of the head alone"),
    _("The learning rate of the stage in which only the head learns. 0.001 suits a new head."),
    1e-3, 1e-7, 1.0, 1e-4, (1e-4, 3e-4, 1e-3, 3e-3, 1e-2),
)
LR_FACTOR = NumberField(
    "lr_factor", _("Rate from block to block"),
    _("Each block learns at the rate of the one above it times this factor, counted from the head towards "
      "the input. Below 1, early blocks, which see edges and colours, change less than late ones. 1 gives "
      "all the same rate."),
    1.0, 0.05, 1.0, 0.05, (1.0, 0.9, 0.7, 0.5, 0.38),
)
SCHEDULE = ChoiceField(
    "schedule", _("Schedule"),
    _("How the learning rate goes over the last stage. Cosine lets it fall slowly to 0, which often ends a "
      "little better; a constant one is easier to read in the curves."),
    "constant", (("constant", _("Constant")), ("cosine", _("Cosine"))),
)
WARMUP = NumberField(
    "warmup", _("Warm-up"),
    _("Epochs over which the learning rate rises from 0 to its full value at the begin of the last stage. "
      "1 protects pretrained blocks from the first, large steps; 0 begins at the full rate."),
    0, 0, 50, 1, (0, 1, 2, 3),
)
EARLY_STOPPING = NumberField(
    "early_stopping", _("Early stopping"),
    _("Ends the training once so many epochs of the last stage have brought nothing better on the "
      "validation photos (without such photos: in training); 0 trains to the end. The best epoch is kept "
      "either way."),
    0, 0, 100, 1, (0, 3, 5, 10),
)
CLASS_WEIGHTS = SwitchField(
    "class_weights", _("Weigh rare classes more"),
    _("Lets each class count as much as any other in training, however few photos it has. It helps rare "
      "classes, often at a small cost for frequent ones."),
)
LABEL_SMOOTHING = NumberField(
    "label_smoothing", _("Label smoothing"),
    _("Takes so much certainty from each right answer and spreads it over all classes. 0.1 is a common "
      "choice against overconfidence; losses are then higher, which does not mean worse."),
    0.0, 0.0, 0.5, 0.05, (0.0, 0.05, 0.1, 0.2),
)
WEIGHT_DECAY = NumberField(
    "weight_decay", _("Weight decay"),
    _("Pulls weights a little towards 0 in each step, in proportion to the learning rate; biases and "
      "BatchNorm are left out. It slows memorising. AdamW is made for it; 0.004 is its usual value."),
    0.0, 0.0, 1.0, 0.001, (0.0, 1e-4, 1e-3, 4e-3, 1e-2),
)
NORMS = ChoiceField(
    "norms", _("BatchNorm in blocks that learn"),
    _("BatchNorm layers scale what passes by averages they learned in pretraining. Frozen keeps these, which "
      "is safer with few photos and small batches. Updating learns new ones from your photos, which can help "
      "with many photos that look very different. From scratch they always update."),
    "frozen", (("frozen", _("Frozen")), ("updating", _("Updating"))),
)
TRAIN_PER_CLASS = NumberField(
    "train_per_class", _("Training photos a class"),
    _("Learns from at most so many photos of each class, drawn by the seed; validation and test photos stay "
      "all the same."),
    100, 1, 10_000_000, 1,
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

HEAD_FIELDS: tuple[Field, ...] = (POOLING, DROPOUT, HIDDEN)
RECIPE_FIELDS: tuple[Field, ...] = (
    EPOCHS, BATCH_SIZE, LEARNING_RATE, OPTIMIZER, SEED, AUGMENT, VIEWS, METHOD, STAGE_EPOCHS, HEAD_RATE,
    LR_FACTOR, SCHEDULE, WARMUP, EARLY_STOPPING, CLASS_WEIGHTS, LABEL_SMOOTHING, WEIGHT_DECAY, NORMS,
)
