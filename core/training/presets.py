"""Whole recipes with a name: what learns, when and how fast, as the literature has them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from core.backbones import catalogue
from core.errors import NotFound
from core.i18n import _
from core.training import stages
from core.training.counts import last_blocks
from core.training.plan import Head, Plan, Recipe
from core.training.start import RANDOM, Start

NO_BLOCKS, CHOSEN_BLOCKS, ALL_BLOCKS = "none", "chosen", "all"
# Where no block is chosen, the last two blocks of the body learn, with what finishes it.
_LAST = 2


@dataclass(frozen=True)
class Preset:
    """A named recipe.

    Attributes:
        name: What the command line calls it.
        title: What people read.
        description: One sentence: what it does and why.
        source: Where it comes from.
        blocks: Which blocks learn: ``none``, ``all``, ``chosen`` (those that are chosen already, else the
            last few), or one block's name.
        recipe: How the training goes.
        backbone: The backbone's name; ``None`` keeps the one that is chosen.
        head: What is put on it; ``None`` keeps what is chosen.
        from_scratch: Whether the backbone starts at random.
    """

    name: str
    title: str
    description: str
    source: str
    blocks: str
    recipe: Recipe
    backbone: str | None = None
    head: Head | None = None
    from_scratch: bool = False

    def applied(self, plan: Plan) -> Plan:
        """Return the plan with everything that the recipe says; photos, seed, limits and cache stay."""
        backbone = self.backbone or plan.backbone
        # What the chosen blocks or weights were chosen for is another recipe where all began at random.
        anew = self.from_scratch or self.backbone is not None or plan.weights.source == RANDOM
        chosen = () if anew else plan.trainable
        new = replace(
            plan, backbone=backbone, trainable=self._blocks(backbone, chosen), head=self.head or plan.head,
            recipe=replace(self.recipe, seed=plan.recipe.seed),
        )
        if anew:
            new = replace(new, weights=Start(RANDOM) if self.from_scratch else Start(), history=())
        if self.backbone is not None:
            new = replace(new, image_size=None)
        needed = stages.epochs_needed(new)
        if new.recipe.method == "gradual" and new.recipe.epochs < needed:
            # Every block has its turn, and the last stage is as long as the others.
            epochs = needed - 1 + new.recipe.stage_epochs
            new = replace(new, recipe=replace(new.recipe, epochs=epochs))
        return new

    def is_in(self, plan: Plan) -> bool:
        """Tell whether a plan says just what the recipe says."""
        return self.applied(plan) == plan

    def _blocks(self, backbone: str, chosen: tuple[str, ...]) -> tuple[str, ...]:
        if self.blocks == NO_BLOCKS:
            return ()
        if self.blocks == ALL_BLOCKS:
            return catalogue.get(backbone).block_names
        if self.blocks == CHOSEN_BLOCKS:
            return chosen or last_blocks(backbone, _LAST)
        return (self.blocks,)


FEATURES = Preset(
    name="feature-extraction",
    title=_("Feature extraction"),
    description=_("Trains the new head alone on what the frozen network sees: the quickest way, and hard to "
                  "beat with few photos."),
    source="Razavian et al. 2014, CNN Features off-the-shelf, https://arxiv.org/abs/1403.6382",
    blocks=NO_BLOCKS,
    recipe=Recipe(),
)
FINE_TUNE = Preset(
    name="fine-tune",
    title=_("Fine-tune"),
    description=_("Lets the chosen blocks learn together with the head at a small rate, because features "
                  "become more special towards the top."),
    source="Yosinski et al. 2014, How transferable are features in deep neural networks?, "
           "https://arxiv.org/abs/1411.1792",
    blocks=CHOSEN_BLOCKS,
    recipe=Recipe(epochs=10, learning_rate=1e-4),
)
LP_FT = Preset(
    name="lp-ft",
    title=_("Head first, then blocks (LP-FT)"),
    description=_("Trains the head alone, then the chosen blocks from that head, so that the errors of a "
                  "new head do not spoil what they know."),
    source="Kumar et al. 2022, Fine-Tuning can Distort Pretrained Features, https://arxiv.org/abs/2202.10054",
    blocks=CHOSEN_BLOCKS,
    recipe=Recipe(epochs=15, learning_rate=3e-4, method="lp-ft", stage_epochs=5),
)
GRADUAL = Preset(
    name="gradual",
    title=_("Block by block"),
    description=_("Thaws one more block every few epochs, from the head towards the input, each at a lower "
                  "rate than the one above, so that early layers forget little."),
    source="Howard and Ruder 2018, Universal Language Model Fine-tuning, https://arxiv.org/abs/1801.06146",
    blocks=CHOSEN_BLOCKS,
    recipe=Recipe(epochs=12, learning_rate=3e-4, method="gradual", stage_epochs=3, lr_factor=0.38),
)
SCRATCH = Preset(
    name="from-scratch",
    title=_("From scratch"),
    description=_("Starts every block at random and trains all of them: the control that shows what "
                  "pretraining is worth, and with very many photos a way of its own."),
    source="He, Girshick and Dollár 2018, Rethinking ImageNet Pre-training, "
           "https://arxiv.org/abs/1811.08883",
    blocks=ALL_BLOCKS,
    recipe=Recipe(epochs=30, learning_rate=1e-3, schedule="cosine", warmup=1),
    from_scratch=True,
)
TEXTBOOK = Preset(
    name="textbook",
    title=_("The textbook's"),
    description=_("VGG16 with its last block thawed, everything it sees laid flat, one softmax layer: slow "
                  "on a laptop, which is part of the lesson."),
    source="VGG16: Simonyan and Zisserman 2014, https://arxiv.org/abs/1409.1556; the rest as introductory "
           "courses on transfer learning give it",
    blocks="block5",
    recipe=Recipe(epochs=10, batch_size=32, learning_rate=1e-3, optimizer="adam"),
    backbone="vgg16",
    head=Head(pooling="flatten", dropout=0.0, hidden=0),
)

PRESETS: dict[str, Preset] = {
    each.name: each for each in (FEATURES, FINE_TUNE, LP_FT, GRADUAL, SCRATCH, TEXTBOOK)
}


def preset(name: str) -> Preset:
    """Return a recipe by its name; raises NotFound, naming those there are."""
    if name not in PRESETS:
        raise NotFound(
            _("There is no such recipe."), given=name[:80],
            fix=_("Choose from: {names}.").format(names=", ".join(PRESETS)),
        )
    return PRESETS[name]


def preset_in(plan: Plan) -> Preset | None:
    """Return the recipe that a plan follows to the letter; ``None`` where it has gone its own way."""
    return next((each for each in PRESETS.values() if each.is_in(plan)), None)
