"""How many training photos a class an experiment on the amount of data learns from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from core.data.dataset import Dataset
from core.errors import BadInput
from core.i18n import _
from core.training import fields

SIZES = 5
_FEWEST = 5
# With fewer photos a class than this there are not five sizes that differ: begin lower.
_FEW = 20
MOST_SIZES = 12


def default_sizes(dataset: Dataset) -> tuple[int, ...]:
    """Return five sizes from a few to all there are, fewer where so few photos are there.

    The means a class are even on a log scale. The last takes all photos: where classes are uneven, its
    number is that of the largest class.
    """
    counts = counts_of(dataset)
    if not counts:
        raise _nothing_to_learn_from(dataset)
    most = sum(counts) / len(counts)
    fewest = _FEWEST if most >= _FEW else max(1.0, most / 8)
    wanted = [fewest * (most / fewest) ** (at / (SIZES - 1)) for at in range(SIZES - 1)]
    found = [_for_mean(counts, each) for each in wanted]
    return tuple(sorted({*found, max(counts)}))


def sizes_checked(sizes: Sequence[int], dataset: Dataset) -> tuple[int, ...]:
    """Return sizes in order, those beyond the largest class as its size.

    Raises:
        BadInput: There is none, there are too many, or one is no whole number from 1.
    """
    counts = counts_of(dataset)
    if not counts:
        raise _nothing_to_learn_from(dataset)
    for size in sizes:
        fields.TRAIN_PER_CLASS.check(size)
    if not 1 <= len(sizes) <= MOST_SIZES:
        raise BadInput(
            _("So many sizes cannot be run."), given=str(len(sizes)),
            fix=_("Choose 1 to {most}.").format(most=MOST_SIZES),
        )
    return tuple(sorted({min(size, max(counts)) for size in sizes}))


def mean_a_class(dataset: Dataset, size: int) -> float:
    """Return the mean of the training photos a class where each gives at most so many."""
    counts = counts_of(dataset)
    return sum(min(count, size) for count in counts) / len(counts)


def counts_of(dataset: Dataset) -> list[int]:
    """Return the training photos of each class that has any."""
    return list(Counter(item.label for item in dataset.of_split("train")).values())


def _for_mean(counts: Sequence[int], mean: float) -> int:
    """Return the size whose mean a class comes nearest to a wanted one, the smaller of two."""
    def far(size: int) -> float:
        return abs(sum(min(count, size) for count in counts) / len(counts) - mean)

    size = max(1, int(mean))
    while size < max(counts) and far(size + 1) < far(size):
        size += 1
    return size


def _nothing_to_learn_from(dataset: Dataset) -> BadInput:
    return BadInput(
        _("These photos have no part to learn from."), given=dataset.title[:80],
        fix=_("Take them in with photos for training."),
    )
