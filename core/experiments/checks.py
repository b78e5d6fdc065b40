"""What an experiment needs of its plan and photos, before anything is planned."""

from __future__ import annotations

from core.backbones import catalogue
from core.data.dataset import Dataset
from core.errors import BadInput
from core.i18n import _
from core.training.plan import Plan
from core.training.start import RANDOM


def require_validation(dataset: Dataset, what: str) -> None:
    """Raise BadInput, saying ``what``, where a dataset has no photo to choose by."""
    if not dataset.of_split("validation"):
        raise BadInput(
            what, given=dataset.title[:80],
            fix=_("Take them in with one, or without a division of their own."),
        )


def require_pretrained(plan: Plan) -> None:
    """Raise BadInput where a plan starts from scratch."""
    if plan.weights.source == RANDOM:
        raise BadInput(
            _("This plan starts from scratch, so there is nothing that could transfer."),
            given=catalogue.get(plan.backbone).title,
            fix=_("Choose pretrained weights on the Model page."),
        )
