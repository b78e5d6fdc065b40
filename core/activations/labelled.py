"""Which activations are kept of a prefix, found by the label that they were made under; none is read."""

from __future__ import annotations

from core.activations.budget import root_of, segments
from core.activations.segment import INDEX, Segment
from core.activations.store import MADE_BY
from core.errors import BadInput
from core.files import JsonObject, read_json
from core.workspace import Workspace


def state_of(workspace: Workspace) -> tuple[tuple[str, int], ...]:
    """Return what changes whenever rows are added or removed."""
    return tuple((str(each.index), each.size) for each in segments(workspace))


def rows_labelled(workspace: Workspace, label: JsonObject) -> set[bytes]:
    """Return the keys of all rows that were made under a label; none of them is checked."""
    found: set[bytes] = set()
    for path in root_of(workspace).glob(f"*/{MADE_BY}"):
        try:
            made_by = read_json(path)
            row_bytes = made_by.get("row_bytes")
            if made_by.get("label") == label and isinstance(row_bytes, int) and row_bytes > 0:
                for index in path.parent.glob(f"*{INDEX}"):
                    found.update(Segment(index).records(row_bytes)[0])
        except (BadInput, OSError):
            continue  # damaged, or removed meanwhile
    return found
