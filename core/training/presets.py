"""Whole recipes with a name: backbone, blocks, head and training, as the literature has them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from core.errors import NotFound
from core.i18n import _
from core.training.plan import Head, Plan, Recipe
from core.training.start import Start


@dataclass(frozen=True)
class Preset:
    """A named recipe.

    Attributes:
        name: What the command line calls it.
        title: What people read.
        description: One or two sentences: what it does and when it helps.
        source: Where it comes from.
        backbone: The backbone's name.
        trainable: The blocks that learn.
        head: What is put on it.
        recipe: How the training goes.
    """

    name: str
    title: str
    description: str
    source: str
    backbone: str
    trainable: tuple[str, ...]
    head: Head
    recipe: Recipe

    def applied(self, plan: Plan) -> Plan:
        """Return the plan with everything that the recipe says; photos, seed and limit stay."""
        return replace(
            plan, backbone=self.backbone, trainable=self.trainable, head=self.head,
            recipe=replace(self.recipe, seed=plan.recipe.seed), image_size=None, history=(),
            weights=Start(),
        )


TEXTBOOK = Preset(
    name="textbook",
    title=_("The textbook's"),
    description=_("VGG16 with its last block thawed, everything it sees laid flat, one softmax layer. "
                  "Slow on a laptop: that is part of the lesson."),
    source="VGG16: Simonyan and Zisserman 2014, https://arxiv.org/abs/1409.1556; the rest as introductory "
           "courses on transfer learning give it",
    backbone="vgg16",
    trainable=("block5",),
    head=Head(pooling="flatten", dropout=0.0, hidden=0),
    recipe=Recipe(epochs=10, batch_size=32, learning_rate=1e-3, optimizer="adam"),
)

PRESETS: dict[str, Preset] = {each.name: each for each in (TEXTBOOK,)}


def preset(name: str) -> Preset:
    """Return a recipe by its name; raises NotFound, naming those there are."""
    if name not in PRESETS:
        raise NotFound(
            _("There is no such recipe."), given=name[:80],
            fix=_("Choose from: {names}.").format(names=", ".join(PRESETS)),
        )
    return PRESETS[name]
