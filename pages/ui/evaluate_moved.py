"""What moved: each block's weights and features, and the photos on a map before and after."""

from __future__ import annotations

from core.runs.listing import Listed
from pages.ui import state
from pages.ui.moved_blocks import moved_blocks
from pages.ui.moved_map import moved_map


def moved(run: Listed) -> None:
    """Show what a run's training has changed in its backbone."""
    with state.told():
        moved_blocks(run)
    # The one can be shown where the other cannot, such as without the photos.
    with state.told():
        moved_map(run)
