"""The block map: the backbone as a row of blocks, each frozen or learning, toggled one by one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Any

from core.i18n import _, ngettext
from core.training.counts import block_title
from pages.ui.component import choices_seen, on_choice, register, unseen_choice

if TYPE_CHECKING:
    from core.backbones.architecture import Block

_THOUSAND = 1_000
_MILLION = 1_000_000
_ROUNDS_UP_TO_A_MILLION = 999_500


def parameters_text(parameters: int) -> str:
    """Return a number of parameters in few signs: ``"992"``, ``"48k"``, ``"2.0 M"``."""
    if parameters < _THOUSAND:
        return str(parameters)
    if parameters < _ROUNDS_UP_TO_A_MILLION:
        return _("{thousands}k").format(thousands=round(parameters / _THOUSAND))
    return _("{millions} M").format(millions=f"{parameters / _MILLION:.1f}")


def shape_text(shape: Sequence[int]) -> str:
    """Return an output shape (height, width, channels) as ``"14×14×80"``."""
    return "×".join(str(edge) for edge in shape)


def block_map(
    blocks: Sequence[Block],
    trainable: Collection[str],
    *,
    head_parameters: int,
    key: str,
    labels: dict[str, str] | None = None,
    locked: bool = False,
    on_change: Callable[[tuple[str, ...]], None] | None = None,
) -> tuple[str, ...]:
    """Show the blocks and return the names of those that may learn, in block order.

    Pass what is trainable now and keep what comes back; a shortcut elsewhere on the page changes
    the value by passing another ``trainable`` at the next run.

    Args:
        blocks: The backbone's blocks, from the input to the top.
        trainable: Names of the blocks that may learn; unknown ones are left out.
        head_parameters: Number of parameters of the head, which always learns.
        key: The component's key, unique on the page.
        labels: Own words in place of the usual ones: ``group`` (the row's accessible name),
            ``frozen`` and ``learning`` (the legend), ``head`` and ``head_detail`` (the head's tile).
        locked: True shows the blocks but lets none be toggled.
        on_change: Called with the new names before the script runs again, so that what stands
            above the map can follow in the same run.

    Returns:
        Names of the blocks that may learn.
    """
    words = _words() | (labels or {})
    heard = on_choice(key, _checked(blocks, on_change))
    choice = unseen_choice(key)
    wanted = _names(choice.value) if choice else trainable
    learning = _in_order(blocks, wanted)
    register("block_map")(
        key=key,
        data={
            "blocks": [
                *(_tile(block, words) for block in blocks),
                _head_tile(head_parameters, words),
            ],
            "learning": list(learning),
            "seen": choices_seen(key),
            "locked": locked,
            "words": {name: words[name] for name in ("group", "frozen", "learning")},
        },
        on_choice_change=heard,
    )
    return learning


def _words() -> dict[str, str]:
    return {
        "group": _("Blocks of the backbone: switch on those that may learn"),
        "frozen": _("frozen, kept as it is"),
        "learning": _("learns from your photos"),
        "head": _("Head"),
        "head_detail": _("always learns"),
    }


def _tile(block: Block, words: dict[str, str]) -> dict[str, Any]:
    spoken = ngettext(
        "{block}: output {shape}, {parameters} parameter",
        "{block}: output {shape}, {parameters} parameters",
        block.parameters,
    )
    shape = shape_text(block.output_shape)
    return {
        "name": block.name,
        "title": block_title(block.name),
        "shape": shape,
        "count": parameters_text(block.parameters),
        "label": spoken.format(
            block=block_title(block.name), shape=shape, parameters=f"{block.parameters:,}"
        ),
        "fixed": False,
    }


def _head_tile(parameters: int, words: dict[str, str]) -> dict[str, Any]:
    spoken = ngettext(
        "{head}: {detail}, {parameters} parameter",
        "{head}: {detail}, {parameters} parameters",
        parameters,
    )
    return {
        "name": "head",
        "title": words["head"],
        "shape": words["head_detail"],
        "count": parameters_text(parameters),
        "label": spoken.format(
            head=words["head"], detail=words["head_detail"], parameters=f"{parameters:,}"
        ),
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
