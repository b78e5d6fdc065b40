"""The beginning of a script: what it is, what it imports, and the plan as constants."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator

from core.backbones import catalogue
from core.export.script_facts import Facts, Part
from core.training.augment import STRENGTHS
from core.words import one_line

WIDTH = 100
_LONGEST_TITLE = 60


def head(facts: Facts) -> str:
    """Return everything before the first function."""
    return "\n".join([
        _about(facts), *_notes(facts.notes), "", *_imports(facts), "", *_constants(facts)])


def _about(facts: Facts) -> str:
    title = one_line(facts.plan.dataset_title)[:_LONGEST_TITLE]
    # NOTE: between the quotes of a docstring; a title that ends in one, or in a backslash, would end it.
    shown = title.replace("\\", "/").replace('"', "'")
    backbone = catalogue.get(facts.plan.backbone).title
    return textwrap.dedent('''\
        """{about}

            python train.py PATH/TO/FOLDER

        FOLDER holds the photos under the names that are in photos.csv. What comes of it, history.csv and
        model.keras, is written beside this file.
        """''').format(about=_filled(
            f"Train {backbone} on the photos of “{shown}”, as the run {facts.run} did."))


def _filled(text: str) -> str:
    return "\n".join(textwrap.wrap(text, WIDTH, break_long_words=False))


def _notes(notes: Iterable[str]) -> Iterator[str]:
    for note in notes:
        yield ""
        yield from textwrap.wrap(
            one_line(note), WIDTH, initial_indent="# NOTE: ", subsequent_indent="# ", break_on_hyphens=False)


def _imports(facts: Facts) -> Iterator[str]:
    yield "import csv"
    if facts.augmented:
        yield "import hashlib"
    yield from ("import math", "import sys", "from pathlib import Path", "")
    yield from ("import keras", "import numpy as np", "from PIL import Image, ImageOps")


def _constants(facts: Facts) -> Iterator[str]:
    plan, recipe = facts.plan, facts.plan.recipe
    yield "HERE = Path(__file__).resolve().parent"
    yield _listed("CLASSES", [literal(name) for name in facts.classes])
    yield f"SIZE = {plan.size}  # edge of the square that the network sees, in pixels"
    yield f"SEED = {recipe.seed}"
    yield f"BATCH_SIZE = {recipe.batch_size}"
    yield from _head_of_network(facts)
    yield from _epochs(facts)
    yield from _blocks(facts)
    if recipe.weight_decay:
        yield f"WEIGHT_DECAY = {recipe.weight_decay!r}"
    if facts.smooths:
        yield f"LABEL_SMOOTHING = {recipe.label_smoothing!r}"
    yield from _changes(facts)


def _head_of_network(facts: Facts) -> Iterator[str]:
    if facts.plan.head.hidden:
        yield f"HIDDEN = {facts.plan.head.hidden}  # units of an extra layer"
    if facts.plan.head.dropout:
        yield f"DROPOUT = {facts.plan.head.dropout!r}"


def _epochs(facts: Facts) -> Iterator[str]:
    last = facts.last
    if not facts.staged:
        yield f"EPOCHS = {facts.epochs}"
        yield f"LEARNING_RATE = {float(last.learning_rate)!r}"
    else:
        yield "# In each stage: its name, the epoch it ends with, the blocks that learn, the learning rate."
        yield "STAGES = ["
        for stage in facts.stages:
            blocks = [each for each in stage.trainable if each in facts.body.blocks]
            rate = float(facts.recipe_of(stage).learning_rate)
            listed = ", ".join(map(literal, blocks))
            yield from textwrap.wrap(
                f"({literal(stage.name)}, {min(stage.end, facts.epochs)}, [{listed}], {rate!r}),", WIDTH,
                initial_indent="    ", subsequent_indent="     ", break_on_hyphens=False)
        yield "]"
    if facts.curved:
        yield from _curve(facts)
    if last.early_stopping:
        yield f"PATIENCE = {last.early_stopping}  # epochs without anything better after which it ends"


def _curve(facts: Facts) -> Iterator[str]:
    last = facts.last
    yield f"CURVE_EPOCHS = {last.epochs}  # over which the learning rate goes its way"
    if last.warmup:
        yield f"WARMUP = {min(last.warmup, last.epochs)}  # epochs over which it rises"


def _blocks(facts: Facts) -> Iterator[str]:
    if not facts.thaws:
        return
    blocks = facts.body.blocks
    named = all(isinstance(part, str) for part in blocks.values())
    yield (
        "# The blocks that learn, and how the names of their layers begin." if named
        else "# The blocks that learn: from which to before which of the backbone's layers they go."
    )
    parts = [f"{literal(block)}: {_part(part)}" for block, part in blocks.items()]
    yield _listed("BLOCKS", parts, ("{", "}"))
    if facts.by_block:
        names = catalogue.get(facts.plan.backbone).block_names
        away = [f"{literal(block)}: {len(names) - names.index(block)}" for block in blocks]
        yield f"LR_FACTOR = {facts.plan.recipe.lr_factor!r}  # of the rate, from block to block to the input"
        yield _listed("FROM_HEAD", away, ("{", "}"))


def _changes(facts: Facts) -> Iterator[str]:
    if not facts.augmented:
        return
    recipe = facts.plan.recipe
    strength = STRENGTHS[recipe.augment]
    yield f"DEGREES, ZOOM = {strength.degrees!r}, {strength.zoom!r}  # how far a photo is turned and zoomed"
    if recipe.views:
        yield f"VIEWS = {recipe.views}  # of each photo; an epoch takes the next"


def _listed(name: str, items: list[str], brackets: tuple[str, str] = ("[", "]")) -> str:
    """Return a constant that holds several things, on one line where they fit."""
    opening, closing = brackets
    line = f"{name} = {opening}{', '.join(items)}{closing}"
    if len(line) <= WIDTH:
        return line
    rows = [""]
    for item in items:
        joined = f"{rows[-1]} {item}," if rows[-1] else f"    {item},"
        if rows[-1] and len(joined) > WIDTH:
            rows.append(f"    {item},")
        else:
            rows[-1] = joined
    return "\n".join([f"{name} = {opening}", *rows, closing])


def literal(text: str) -> str:
    """Return a text as a literal of Python, whatever is in it; between double quotes where that can be."""
    plain = repr(text)
    return f'"{plain[1:-1]}"' if plain[0] == "'" and '"' not in text else plain


def _part(part: Part) -> str:
    return literal(part) if isinstance(part, str) else repr(part)
