"""The block map: the backbone's blocks, each frozen or learning, toggled one by one or by group.

A row holds a dozen blocks. More of them are shown in groups of one output size, in the order in
which a photo passes through them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Any

from core.i18n import _, ngettext
from core.training.counts import block_title
from pages.ui.amounts import parameters_text
from pages.ui.block_rates import Words
from pages.ui.component import Parts, choices_seen, on_choice, register, unseen_choice

if TYPE_CHECKING:
    from core.backbones.architecture import Block

ROW_HOLDS = 12


def shape_text(shape: Sequence[int]) -> str:
    """Return an output shape (height, width, channels) as ``"14×14×80"``."""
    return "×".join(str(edge) for edge in shape)


@dataclass(frozen=True)
class Told:
    """What a block map tells beside the blocks.

    Attributes:
        labels: Own words in place of the usual ones: ``group`` (the row's accessible name), ``frozen`` and
            ``learning`` (the legend), ``rate`` (a third entry of it, for what ``rates`` are; none unless
            told), ``head`` and ``head_detail`` (the head's tile).
        rates: What a block's tile says while it learns, such as its learning rate, by the block's name.
        joins: What it says while it is frozen, such as when it joins.
        watched: What the map shows just now, as a headline, while a training goes on: a block that begins
            to learn then stands out for a moment.
        warmth: How warm the tile of a block that learned is, 0 to 1, by the block's name: for a map that
            shows what was measured. It is locked, and its tiles can still be reached by key; what
            ``rates`` and ``joins`` say may then have several lines.
    """

    labels: Mapping[str, str] = field(default_factory=dict)
    rates: Mapping[str, Words] = field(default_factory=dict)
    joins: Mapping[str, Words] = field(default_factory=dict)
    watched: Parts = ()
    warmth: Mapping[str, float] | None = None


def block_map(
    blocks: Sequence[Block],
    trainable: Collection[str],
    *,
    head_parameters: int | None,
    key: str,
    locked: bool = False,
    from_scratch: bool = False,
    told: Told | None = None,
    on_change: Callable[[tuple[str, ...]], None] | None = None,
) -> tuple[str, ...]:
    """Show the blocks and return the names of those that may learn, in block order.

    Pass what is trainable now and keep what comes back; a shortcut elsewhere on the page changes
    the value by passing another ``trainable`` at the next run.

    Args:
        blocks: The backbone's blocks, from the input to the top.
        trainable: Names of the blocks that may learn; unknown ones are left out.
        head_parameters: Number of parameters of the head, which always learns; ``None`` where that is
            not known.
        key: The component's key, unique on the page.
        locked: True shows the blocks but lets none be toggled.
        from_scratch: True where the blocks start at random, so that a frozen one stays random.
        told: What is told beside the blocks; ``None`` for nothing.
        on_change: Called with the new names before the script runs again, so that what stands
            above the map can follow in the same run.

    Returns:
        Names of the blocks that may learn.
    """
    told = told or Told()
    heard = on_choice(key, _checked(blocks, on_change))
    choice = unseen_choice(key)
    learning = _in_order(blocks, _names(choice.value) if choice else trainable)
    register("block_map", with_files=("scroll_box", "block_groups"))(
        key=key,
        data={
            **_shown(blocks, learning, head_parameters, told, _words(from_scratch) | {**told.labels}),
            "seen": choices_seen(key),
            "locked": locked or told.warmth is not None,
        },
        on_choice_change=heard,
    )
    return learning


def _shown(
    blocks: Sequence[Block], learning: Collection[str], head: int | None, told: Told, words: dict[str, str]
) -> dict[str, Any]:
    """Return what the component draws."""
    sizes = grouped(blocks)
    return {
        "blocks": [
            *(_tile(block, told, compact=bool(sizes)) for block in blocks), _head_tile(head, words),
        ],
        "groups": [_group(group, learning, last=group is sizes[-1]) for group in sizes],
        "learning": list(learning),
        "noted": bool(told.rates or told.joins),
        "watched": told.watched,
        "warmth": None if told.warmth is None else dict(told.warmth),
        "words": {name: words[name] for name in ("group", "frozen", "learning", "rate")},
    }


def grouped(blocks: Sequence[Block]) -> tuple[tuple[Block, ...], ...]:
    """Return the blocks in groups of one output height, or nothing where one row holds them all."""
    if len(blocks) <= ROW_HOLDS:
        return ()
    runs = groupby(blocks, key=lambda block: block.output_shape[0])
    return tuple(tuple(run) for _height, run in runs)


def _words(from_scratch: bool = False) -> dict[str, str]:
    return {
        "group": _("Blocks of the backbone: switch on those that may learn"),
        "frozen": _("frozen at random") if from_scratch else _("frozen, kept as it is"),
        "learning": _("learns from your photos"),
        "rate": "",
        "head": _("Head"),
        "head_detail": _("always learns"),
    }


def _group(blocks: Sequence[Block], learning: Collection[str], *, last: bool) -> dict[str, Any]:
    total = len(blocks)
    size = shape_text(blocks[0].output_shape[:2])
    many = ngettext("{n} block", "{n} blocks", total).format(n=total)
    return {
        "members": total,
        "size": size,
        # One block needs neither a number nor a switch for all: its own tile is both.
        "many": many if total > 1 else "",
        "label": _("Output {size}, {blocks}").format(size=size, blocks=many),
        "all": _("All {n} blocks with output {size} learn").format(n=total, size=size),
        # A sentence for each number, since the plural differs and the browser counts ahead of us.
        "summaries": [
            ngettext("{n} of {total} learns", "{n} of {total} learn", n).format(n=n, total=total)
            for n in range(total + 1)
        ],
        "open": last or any(block.name in learning for block in blocks),
    }


def _tile(block: Block, told: Told, *, compact: bool) -> dict[str, Any]:
    silent = ("", "")
    spoken = ngettext(
        "{block}: output {shape}, {parameters} parameter",
        "{block}: output {shape}, {parameters} parameters",
        block.parameters,
    )
    shape = shape_text(block.output_shape)
    return {
        "name": block.name,
        "title": block_title(block.name),
        # A group's heading already says height and width.
        "shape": f"×{block.output_shape[2]}" if compact else shape,
        "count": parameters_text(block.parameters),
        "label": spoken.format(
            block=block_title(block.name), shape=shape, parameters=f"{block.parameters:,}"
        ),
        "rate": told.rates.get(block.name, silent),
        "joins": told.joins.get(block.name, silent),
        "fixed": False,
    }


def _head_tile(parameters: int | None, words: dict[str, str]) -> dict[str, Any]:
    detail = f"{words['head']}: {words['head_detail']}"
    spoken = ngettext(
        "{head}: {detail}, {parameters} parameter",
        "{head}: {detail}, {parameters} parameters",
        parameters or 0,
    )
    return {
        "name": "head",
        "title": words["head"],
        "shape": words["head_detail"],
        "count": "" if parameters is None else parameters_text(parameters),
        "label": detail if parameters is None else spoken.format(
            head=words["head"], detail=words["head_detail"], parameters=f"{parameters:,}"
        ),
        "rate": ("", ""),
        "joins": ("", ""),
        "fixed": True,
    }


def _names(value: object) -> tuple[str, ...]:
    return tuple(name for name in value if isinstance(name, str)) if isinstance(value, list) else ()


def _in_order(blocks: Sequence[Block], wanted: Collection[str]) -> tuple[str, ...]:
    return tuple(block.name for block in blocks if block.name in wanted)


def _checked(
    blocks: Sequence[Block], tell: Callable[[tuple[str, ...]], None] | None
) -> Callable[[Any], None] | None:
    if tell is None:
        return None
    return lambda value: tell(_in_order(blocks, _names(value)))
