"""What TensorFlow and the system say when a training breaks, turned back into advice."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from core.errors import BadInput, RunFailed, ThawError
from core.i18n import _
from core.training.feed import Batches, lost_photo

_FULL = (errno.ENOSPC, errno.EDQUOT)
_FULL_TEXT = "No space left"


def disk_full() -> RunFailed:
    """Return what to say where a file could not be written."""
    return RunFailed(
        _("The disk is full."),
        fix=_("Make room, on the Workspace page for example, then resume this run: what it had learned "
              "by its last epoch is kept."),
    )


def out_of_memory() -> RunFailed:
    """Return what to say where memory ran out."""
    return RunFailed(
        _("The memory of this computer was not enough."),
        fix=_("Choose a smaller batch size or let fewer blocks learn, and train again."),
    )


def is_disk_full(error: BaseException) -> bool:
    """Tell whether an error, TensorFlow's too, means that the disk is full."""
    if isinstance(error, OSError):
        return error.errno in _FULL
    return _FULL_TEXT in str(error)


@contextmanager
def advice(*feeds: Batches) -> Iterator[None]:
    """Close the feeds in the end, and turn what TensorFlow makes of an error back into advice.

    Raises:
        RunFailed: Memory ran out, the disk is full, a photo could no longer be read.
    """
    import tensorflow as tf

    try:
        yield
    except MemoryError as error:
        raise out_of_memory() from error
    except tf.errors.ResourceExhaustedError as error:
        raise (disk_full() if is_disk_full(error) else out_of_memory()) from error
    # Keras looks at a first batch itself, and hears a feed's own error then; TensorFlow hides it.
    except (tf.errors.OpError, BadInput) as error:
        causes = [feed.failure for feed in feeds if feed.failure is not None]
        if causes and isinstance(causes[0], ThawError):
            raise lost_photo(causes[0]) from causes[0]
        if is_disk_full(error):
            raise disk_full() from error
        raise
    finally:
        for feed in feeds:
            feed.close()
