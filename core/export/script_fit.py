"""The part of a script that trains: what an epoch begins with, what is kept of it, and the whole course."""

from __future__ import annotations

from collections.abc import Iterator

from core.export.script_facts import Facts
from core.export.script_head import literal

_BEGIN = '''\
class BeginEpoch(keras.callbacks.Callback):
    """Lets all that is drawn in an epoch follow from the seed and the epoch's number alone."""

    def __init__(self, train):
        super().__init__()
        self.train = train

    def on_epoch_begin(self, epoch, logs=None):
        self.train.begin(epoch)
'''

_DROPOUT = '''\
        for place, layer in enumerate(leaves(self.model)):
            if isinstance(layer, keras.layers.Dropout) and layer.rate:
                drawn = np.random.default_rng((SEED, place, epoch)).integers(2**31)
                state = layer.seed_generator.state
                state.assign(np.array([drawn, 0], state.dtype))
'''

_WEIGHTS = '''\
def class_weights(labels):
    """Return what a photo of each class weighs, so that all classes weigh the same together."""
    counts = np.bincount(labels, minlength=len(CLASSES)).tolist()
    present = sum(count > 0 for count in counts)
    return {
        label: len(labels) / (present * count) if count else 1.0
        for label, count in enumerate(counts)
    }
'''


def fit(facts: Facts) -> Iterator[str]:
    """Yield the functions and classes, each ending with a line break."""
    yield _BEGIN + (_DROPOUT if facts.drops else "")
    yield "\n".join(_keep(facts)) + "\n"
    if facts.plan.recipe.class_weights:
        yield _WEIGHTS
    yield "\n".join(_main(facts)) + "\n"


def _keep(facts: Facts) -> Iterator[str]:
    patience = bool(facts.last.early_stopping)
    yield "class KeepBest(keras.callbacks.Callback):"
    yield '    """Writes history.csv, and keeps the weights of the best epoch."""'
    yield ""
    yield "    def __init__(self):"
    yield "        super().__init__()"
    yield "        self.rows, self.rank, self.epoch, self.weights = [], None, 0, None"
    if facts.staged:
        yield (
            '        self.stage, self.before = "", 0  # and how many epochs came before it' if patience
            else '        self.stage = ""'
        )
    yield ""
    yield "    def on_epoch_end(self, epoch, logs=None):"
    yield "        rate = keras.ops.convert_to_numpy(self.model.optimizer.learning_rate)"
    phase = "self.stage" if facts.staged else literal(facts.stages[0].name)
    yield f'        row = {{"epoch": epoch + 1, "phase": {phase}, **logs, "learning_rate": float(rate)}}'
    yield "        self.rows.append(row)"
    yield '        with (HERE / "history.csv").open("w", encoding="utf-8", newline="") as file:'
    yield "            table = csv.DictWriter(file, list(row))"
    yield "            table.writeheader()"
    yield "            table.writerows(self.rows)"
    if facts.validated:
        yield "        # The higher accuracy on the validation photos; at a tie the lower loss on them."
        yield '        rank = (logs["val_accuracy"], -logs["val_loss"])'
    else:
        yield "        # There are no validation photos: the lower loss in training."
        yield '        rank = -logs["loss"]'
    yield "        if self.rank is None or rank > self.rank:"
    yield "            self.rank, self.epoch, self.weights = rank, epoch + 1, self.model.get_weights()"
    if patience and facts.staged:
        yield "        last = self.stage == STAGES[-1][0]"
        yield "        if last and epoch + 1 - max(self.epoch, self.before) >= PATIENCE:"
    elif patience:
        yield "        if epoch + 1 - self.epoch >= PATIENCE:"
    if patience:
        yield "            self.model.stop_training = True"


def _main(facts: Facts) -> Iterator[str]:
    weighed = "class_weight=class_weights(train.labels), " if facts.plan.recipe.class_weights else ""
    yield "def main():"
    yield '    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "photos"'
    yield "    splits = read_photos(folder)"
    yield '    train = Batches(*splits["train"], BATCH_SIZE)'
    if facts.validated:
        yield '    validation = Batches(*splits["validation"], 32)'
    yield "    model, body = build_model()" if facts.thaws else "    model, _body = build_model()"
    yield "    keep = KeepBest()"
    checked = "validation_data=validation, " if facts.validated else ""
    yield from _fitted(facts, checked, weighed)
    yield "    model.set_weights(keep.weights)"
    yield "    # Without the optimizer, whose state would make the file up to three times as large."
    yield '    keras.Model(model.inputs, model.outputs).save(HERE / "model.keras")'
    yield '    print(f"Kept: epoch {keep.epoch}")'
    if facts.tested:
        yield '    test = Batches(*splits["test"], 32)'
        yield "    accuracy = model.evaluate(test, verbose=0, return_dict=True)[\"accuracy\"]"
        yield '    print(f"Right on the first guess: {accuracy:.4f} of {len(test.files)} test photos")'
    yield ""
    yield ""
    yield 'if __name__ == "__main__":'
    yield "    main()"


def _fitted(facts: Facts, checked: str, weighed: str) -> Iterator[str]:
    body = ", body" if facts.by_block else ""
    if not facts.staged:
        if facts.thaws:
            yield "    let_learn(body, BLOCKS)"
        steps = ", len(train)" if facts.curved else ""
        yield f"    compile_model(model{body}{steps})"
        yield "    model.fit("
        yield f"        train, {checked}epochs=EPOCHS, shuffle=False, verbose=2,"
        yield f"        {weighed}callbacks=[BeginEpoch(train), keep])"
        return
    yield "    before = 0"
    yield "    for stage, end, blocks, learning_rate in STAGES:"
    if facts.thaws:
        yield "        let_learn(body, blocks)"
    more = ", stage == STAGES[-1][0], len(train)" if facts.curved else ""
    yield f"        compile_model(model{body}, learning_rate{more})"
    patience = bool(facts.last.early_stopping)
    yield "        keep.stage, keep.before = stage, before" if patience else "        keep.stage = stage"
    yield "        model.fit("
    yield f"            train, {checked}initial_epoch=before, epochs=end, shuffle=False,"
    yield f"            verbose=2, {weighed}callbacks=[BeginEpoch(train), keep])"
    yield "        before = end"
