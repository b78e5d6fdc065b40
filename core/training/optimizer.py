"""The optimizer of a recipe: its rule, its rate over the steps and from block to block, its weight decay."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from core.backbones.build import block_layers
from core.training.plan import Plan, Recipe
from core.training.stages import block_rates

if TYPE_CHECKING:
    import keras

MOMENTUM = 0.9
# What no decay pulls at, by the end of its name. NOTE: Keras looks for these patterns in the name that
# TensorFlow has for a variable, such as ``beta_conv/kernel:0``, where the layer's own name must not count.
# ConvNeXt's layer scales have no name but ``variable_7``.
_NOT_DECAYED = r"(^|/)(bias|gamma|beta|variable(_\d+)?)(:\d+)?$"
FactorOf = Callable[[Any], float]


def same_rate(_variable: Any) -> float:
    """Return 1: all learn at the same rate."""
    return 1.0


def make_optimizer(
    recipe: Recipe, *, steps_an_epoch: int, factor_of: FactorOf = same_rate
) -> keras.optimizers.Optimizer:
    """Make the optimizer of a recipe, not yet built.

    Its rate is a function of the number of steps that it has taken, and of nothing else: with its
    variables put back, a training goes on at the right rate. It has the variables of the plain optimizer
    of Keras, which it is where ``factor_of`` is :func:`same_rate`. Weight decay takes ``rate *
    weight_decay`` of a weight in each step, and is left out for biases and what normalisation scales by.

    Args:
        recipe: Checked. Its epochs are all that the optimizer sees.
        steps_an_epoch: Steps that an epoch has, 1 or more.
        factor_of: Says of a variable that learns what the rate and the decay are multiplied by, above 0.
    """
    import keras

    kind, given = {
        "adam": (keras.optimizers.Adam, {}),
        "adamw": (keras.optimizers.AdamW, {}),
        "sgd": (keras.optimizers.SGD, {"momentum": MOMENTUM}),
        "rmsprop": (keras.optimizers.RMSprop, {}),
    }[recipe.optimizer]
    # NOTE: without a value AdamW decays by 0.004, and it takes no None.
    decay = recipe.weight_decay if recipe.weight_decay or recipe.optimizer == "adamw" else None
    if factor_of is not same_rate:
        kind = _by_variable(kind, factor_of)
    optimizer = kind(_rate(recipe, steps_an_epoch), weight_decay=decay, **given)
    optimizer.exclude_from_weight_decay(var_names=[_NOT_DECAYED])
    return optimizer


def factors(body: keras.Model, plan: Plan) -> FactorOf:
    """Return what says how much slower than the head each variable of a model learns.

    Args:
        body: The backbone in the model, or in the model that a tail was cut from: the tail holds the same
            variables.
        plan: A checked plan.

    Returns:
        For a variable of the backbone the rate of its block over the plan's, see
        :func:`core.training.stages.block_rates`; for all others, such as the head's, 1.
    """
    recipe = plan.recipe
    if recipe.lr_factor == 1:
        return same_rate
    rates = block_rates(plan)
    of_blocks = {
        id(variable): rates[block] / recipe.learning_rate
        for block, layers in block_layers(body, plan.backbone).items()
        for layer in layers
        for variable in layer.variables
    }
    return lambda variable: of_blocks.get(id(variable), 1.0)


def _rate(recipe: Recipe, steps_an_epoch: int) -> Any:
    """Return the learning rate: a number, or a schedule over the steps, counted from 0.

    The first step of a warm-up is at 0, the first one after it at the full rate. A cosine is at 0 once all
    steps have been taken, so that the last of them still changes something.
    """
    import keras

    # NOTE: Keras takes no whole number, and a plan may hold a rate of 1.
    rate = float(recipe.learning_rate)
    constant = recipe.schedule == "constant"
    steps = recipe.epochs * steps_an_epoch
    rising = min(recipe.warmup, recipe.epochs) * steps_an_epoch
    if not rising:
        return rate if constant else keras.optimizers.schedules.CosineDecay(rate, steps)
    # Falling to 1 times the rate is staying. Where all steps rise, Keras still wants one to fall in.
    return keras.optimizers.schedules.CosineDecay(
        0.0, max(1, steps - rising), alpha=1.0 if constant else 0.0,
        warmup_target=rate, warmup_steps=rising,
    )


def _by_variable(kind: Any, factor_of: FactorOf) -> Any:
    """Return an optimizer's class with a rate for each variable, of which Keras has only one for all.

    Scaling gradients instead would do nothing: Adam and RMSprop divide by their size.
    """
    import keras

    class ByVariable(kind):  # type: ignore[misc]
        """Multiplies rate and decay by each variable's factor; all else is the plain optimizer's."""

        def build(self, variables: Sequence[Any]) -> None:
            """Look the factors up, which are no variables: a checkpoint fits either."""
            if not self.built:
                self._factors = tuple(factor_of(variable) for variable in variables)
            super().build(variables)

        def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
            """Take the step of one variable."""
            super().update_step(gradient, variable, self._scaled(learning_rate, variable))

        def _apply_weight_decay(self, variables: Sequence[Any]) -> None:
            # NOTE: as Keras does it for TensorFlow, where it reads the one rate by itself.
            if self.weight_decay is None:
                return
            for each in variables:
                variable = each.value
                if self._use_weight_decay(variable):
                    decay = keras.ops.cast(self.weight_decay, variable.dtype)
                    rate = self._scaled(self.learning_rate, variable)
                    self.assign_sub(variable, variable * decay * rate)

        def _scaled(self, rate: Any, variable: Any) -> Any:
            factor = self._factors[self._get_variable_index(variable)]
            return keras.ops.cast(rate, variable.dtype) * factor

    ByVariable.__name__ = kind.__name__  # Keras names an optimizer and its variables after its class
    return ByVariable
