"""The transfer map: from the old model to the new one, and what becomes of each part on the way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from core.i18n import _
from core.training.transfer import Kind
from pages.ui.component import Parts, emphasised, register

_HARDLY_ANY = 0.01


@dataclass(frozen=True)
class Part:
    """A part of the new model.

    Args:
        kind: Where it comes from and whether it learns: ``copied_frozen``, ``copied_trained``,
            ``new`` (and learning) or ``random`` (new and frozen).
        label: The same in words: "copied, frozen".
        count: Its number of parameters, as text.
        share: Its share of the new model's parameters, from 0 to 1.
        detail: What it consists of, in few words.
    """

    kind: Kind
    label: str
    count: str
    share: float
    detail: str = ""


def transfer_map(
    rows: Sequence[Part],
    *,
    key: str,
    source: str,
    target: str,
    history: Sequence[str] = (),
    step_share: float | None,
) -> None:
    """Show how a new model comes from an old one: M0 to M1, or further along a chain.

    Args:
        rows: The parts of the new model.
        key: The component's key, unique on the page.
        source: What the old model is: "EfficientNet-Lite0, ImageNet weights".
        target: What the new model is: "your model, 10 classes".
        history: Where the old model's weights come from, the oldest first and the old model last;
            its names stand as M0, M1 and so on. Nothing for an old model that is M0.
        step_share: A training step's multiply-adds as a share of those of training everything;
            None where that is not to be said.
    """
    old = max(0, len(history) - 1)
    register("transfer_map")(
        key=key,
        data={
            "source": {"number": str(old), "text": source},
            "target": {"number": str(old + 1), "text": target},
            "history": list(history) if len(history) > 1 else [],
            "rows": [_row(part) for part in rows],
            "step": [] if step_share is None else step_words(step_share),
            "label": _("M{old}, {source}, becomes M{new}, {target}").format(
                old=old, new=old + 1, source=source, target=target
            ),
            "history_label": _("Where the weights come from, the oldest first"),
        },
    )


def step_words(share: float) -> Parts:
    """Say what a training step costs; the figure is emphasised."""
    sentence = _("A step costs *{share}* of the multiply-adds of training everything.")
    hardly = 0 < share < _HARDLY_ANY
    return emphasised(sentence, share=_("less than 1%") if hardly else f"{share:.0%}")


def _row(part: Part) -> dict[str, Any]:
    return {
        "kind": part.kind,
        "label": part.label,
        "count": part.count,
        "share": min(1.0, max(0.0, part.share)),
        "detail": part.detail,
    }
