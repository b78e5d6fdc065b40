"""The part of a script that builds the network: backbone and head, what learns, the optimizer."""

from __future__ import annotations

from collections.abc import Iterator

from core.backbones import catalogue
from core.export.script_facts import BACKBONE_FILE, Facts
from core.export.script_head import literal
from core.training.optimizer import MOMENTUM

# As core.training.optimizer has it.
NOT_DECAYED = r"(^|/)(bias|gamma|beta|variable(_\d+)?)(:\d+)?$"
_POOLING = {"avg": "GlobalAveragePooling2D", "max": "GlobalMaxPooling2D", "flatten": "Flatten"}
_OPTIMIZERS = {"adam": "Adam", "adamw": "AdamW", "sgd": "SGD", "rmsprop": "RMSprop"}
# As core.backbones.build.preprocessed does it.
_PREPROCESSING = {
    "lite": ["    values = keras.layers.Rescaling(1 / 128, -127 / 128)(image)"],
    "tf": ["    values = keras.layers.Rescaling(1 / 127.5, -1.0)(image)"],
    "torch": [
        "    mean, spread = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])",
        "    values = keras.layers.Rescaling(list(1 / (255 * spread)), list(-mean / spread))(image)",
    ],
    "caffe": [
        "    values = keras.ops.flip(image, axis=-1)  # blue first",
        "    values = keras.layers.Rescaling(1.0, [-103.939, -116.779, -123.68])(values)",
    ],
    "none": ["    values = image  # the backbone does its own preprocessing"],
}

_BY_BLOCK = '''\
class ByBlock(keras.optimizers.{kind}):
    """{kind} with a rate for each block, of which Keras has one for all.

    Scaling gradients instead would do nothing where an optimizer divides by their size.
    """

    factor_of = None  # a variable's path: what its rate is multiplied by

    def build(self, variables):
        if not self.built:
            self.factors = tuple(self.factor_of.get(each.path, 1.0) for each in variables)
        super().build(variables)

    def update_step(self, gradient, variable, learning_rate):
        super().update_step(gradient, variable, self.scaled(learning_rate, variable))

    def scaled(self, rate, variable):
        factor = self.factors[self._get_variable_index(variable)]
        return keras.ops.cast(rate, variable.dtype) * factor
'''

_DECAY_BY_BLOCK = '''\

    def _apply_weight_decay(self, variables):
        for each in variables:
            variable = each.value
            if self._use_weight_decay(variable):
                decay = keras.ops.cast(self.weight_decay, variable.dtype)
                rate = self.scaled(self.learning_rate, variable)
                self.assign_sub(variable, variable * decay * rate)
'''

_LEAVES = '''\
def leaves(network):
    """Return the layers of a network, those of networks within it in their place."""
    found = []
    for layer in network.layers:
        found += leaves(layer) if isinstance(layer, keras.Model) else [layer]
'''


def network(facts: Facts) -> Iterator[str]:
    """Yield the functions and classes, each ending with a line break."""
    yield "\n".join(_build(facts)) + "\n"
    if facts.thaws:
        yield "\n".join(_let_learn(facts)) + "\n"
    if facts.by_block:
        decays = bool(facts.plan.recipe.weight_decay)
        kind = _OPTIMIZERS[facts.plan.recipe.optimizer]
        yield _BY_BLOCK.format(kind=kind) + (_DECAY_BY_BLOCK if decays else "")
    yield "\n".join(_compile(facts)) + "\n"
    if facts.drops:
        yield _LEAVES + _without_extra(facts)


def _without_extra(facts: Facts) -> str:
    if not facts.body.extra:
        return "    return found\n"
    return (
        "    # Keras' own EfficientNets scale once more here; the run had that in the layer before.\n"
        f"    return [layer for layer in found if layer.name != {literal(facts.body.extra)}]\n"
    )


def _build(facts: Facts) -> Iterator[str]:
    head = facts.plan.head
    yield "def build_model():"
    yield '    """Return the network, and the backbone in it: RGB of 0..255 in, class probabilities out."""'
    yield from _body(facts)
    yield '    image = keras.Input((SIZE, SIZE, 3), name="image")'
    yield from _PREPROCESSING[catalogue.get(facts.plan.backbone).preprocessing]
    yield f'    values = keras.layers.{_POOLING[head.pooling]}(name="pooling")(body(values))'
    glorot = "keras.initializers.GlorotUniform"
    if head.hidden:
        yield f"    start = {glorot}(seed=SEED)"
        yield "    values = keras.layers.Dense("
        yield '        HIDDEN, "relu", kernel_initializer=start, name="hidden")(values)'
    if head.dropout:
        yield '    values = keras.layers.Dropout(DROPOUT, name="dropout")(values)'
    yield f"    start = {glorot}(seed=SEED + 1)"
    yield "    values = keras.layers.Dense("
    yield '        len(CLASSES), "softmax", kernel_initializer=start, name="classes")(values)'
    yield "    return keras.Model(image, values), body"


def _body(facts: Facts) -> Iterator[str]:
    if facts.body.constructor:
        yield f"    body = keras.applications.{facts.body.constructor}("
        yield '        weights="imagenet", include_top=False, input_shape=(SIZE, SIZE, 3))'
    else:
        yield f'    body = keras.models.load_model(HERE / "{BACKBONE_FILE}", compile=False)'
    if not facts.thaws:
        yield "    body.trainable = False  # the head alone learns"
    if facts.body.drops and not facts.thaws:
        yield "    for layer in body.layers:"
        yield "        if isinstance(layer, keras.layers.Dropout):"
        yield "            layer.rate = 0.0  # in fit, Keras would drop out in a frozen backbone too"
    if facts.body.drops and facts.staged:
        yield "    for layer in body.layers:"
        yield "        if isinstance(layer, keras.layers.Dropout):"
        yield "            layer.own_rate = layer.rate  # a frozen block has none for a while"


def _let_learn(facts: Facts) -> Iterator[str]:
    named = all(isinstance(part, str) for part in facts.body.blocks.values())
    yield "def let_learn(body, blocks):"
    yield '    """Let these blocks of the backbone learn, and freeze all others."""'
    if named:
        yield "    for layer in body.layers:"
        yield "        learns = any(layer.name.startswith(BLOCKS[block]) for block in blocks)"
    else:
        yield "    for at, layer in enumerate(body.layers):"
        yield "        learns = any(at in range(*BLOCKS[block]) for block in blocks)"
    if facts.plan.norms_learn:
        yield "        layer.trainable = learns"
        yield "        if learns and isinstance(layer, keras.layers.BatchNormalization):"
        yield "            # Keras' own average goes over far more steps than few photos make."
        yield "            layer.momentum = min(layer.momentum, 0.9)"
    else:
        yield "        # BatchNorm stays frozen: statistics of small batches would undo what it knows."
        yield "        layer.trainable = learns and not isinstance(layer, keras.layers.BatchNormalization)"
    if facts.body.drops:
        yield "        # In fit, Keras would drop out in frozen blocks too."
        yield "        if isinstance(layer, keras.layers.Dropout):"
        own = "layer.own_rate if learns else 0.0" if facts.staged else "layer.rate if learns else 0.0"
        yield f"            layer.rate = {own}"


def _compile(facts: Facts) -> Iterator[str]:
    recipe = facts.plan.recipe
    given = ["model", *(["body"] if facts.by_block else [])]
    if facts.staged:
        given.append("learning_rate")
    if facts.curved:
        given += [*(["last"] if facts.staged else []), "steps"]
    yield f"def compile_model({', '.join(given)}):"
    yield f'    """{_compile_words(facts)}"""'
    if facts.curved:
        yield from _rate(facts)
    rate = "learning_rate" if facts.staged or facts.curved else "LEARNING_RATE"
    kind = "ByBlock" if facts.by_block else f"keras.optimizers.{_OPTIMIZERS[recipe.optimizer]}"
    more = f", momentum={MOMENTUM}" if recipe.optimizer == "sgd" else ""
    if recipe.weight_decay:
        more += ", weight_decay=WEIGHT_DECAY"
    elif recipe.optimizer == "adamw":
        more += ", weight_decay=0.0"
    yield f"    optimizer = {kind}({rate}{more})"
    if recipe.weight_decay:
        yield "    # Not of biases and of what normalisation scales by."
        yield f'    optimizer.exclude_from_weight_decay(var_names=[r"{NOT_DECAYED}"])'
    if facts.by_block:
        yield from _factors(facts)
    if facts.smooths:
        yield "    loss = keras.losses.CategoricalCrossentropy(label_smoothing=LABEL_SMOOTHING)"
        yield '    metrics = [keras.metrics.CategoricalAccuracy(name="accuracy")]'
    else:
        yield "    loss = keras.losses.SparseCategoricalCrossentropy()"
        yield '    metrics = [keras.metrics.SparseCategoricalAccuracy(name="accuracy")]'
    yield "    model.compile(optimizer, loss=loss, metrics=metrics)"


def _compile_words(facts: Facts) -> str:
    if facts.staged:
        return "Give the network an optimizer of its own, as each stage has."
    return "Give the network its optimizer, its loss and its metric."


def _rate(facts: Facts) -> Iterator[str]:
    """Yield the schedule; the first step of a warm-up is at 0, as in core.training.optimizer."""
    full = "learning_rate" if facts.staged else "LEARNING_RATE"
    pad = "    "
    if facts.staged:
        yield "    if last:"
        pad = "        "
    schedule = f"{pad}learning_rate = keras.optimizers.schedules.CosineDecay("
    if not facts.last.warmup:
        yield f"{schedule}{full}, CURVE_EPOCHS * steps)"
        return
    flat = facts.last.schedule == "constant"
    if flat:
        yield f"{pad}# It rises, then falls to 1.0 times itself: it stays."
    yield schedule
    yield f"{pad}    0.0, max(1, (CURVE_EPOCHS - WARMUP) * steps), alpha={1.0 if flat else 0.0},"
    yield f"{pad}    warmup_target={full}, warmup_steps=WARMUP * steps)"


def _factors(facts: Facts) -> Iterator[str]:
    yield "    optimizer.factor_of = {"
    yield "        variable.path: LR_FACTOR ** FROM_HEAD[block]"
    if all(isinstance(part, str) for part in facts.body.blocks.values()):
        yield "        for block, beginning in BLOCKS.items() for layer in body.layers"
        yield "        if layer.name.startswith(beginning) for variable in layer.variables"
    else:
        yield "        for block, (first, end) in BLOCKS.items() for layer in body.layers[first:end]"
        yield "        for variable in layer.variables"
    yield "    }"
