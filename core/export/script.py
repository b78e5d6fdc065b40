"""A run as a plain Keras script: what a student would have written, and it comes to the same curve.

It holds what its plan needs and nothing else. The whole network is fitted in every epoch: that the run may
have computed the frozen part once changes no figure beyond rounding.
"""

from __future__ import annotations

from core.export.script_facts import Facts
from core.export.script_fit import fit
from core.export.script_head import head
from core.export.script_network import network
from core.export.script_photos import photos


def script_text(facts: Facts) -> str:
    """Return the text of ``train.py``.

    Args:
        facts: What it is made of. Names from outside are in it as literals of Python, or in comments on one
            line, so that none of them is run.
    """
    return "\n\n\n".join(
        [head(facts), *(each.rstrip("\n") for part in (photos, network, fit) for each in part(facts))]
    ) + "\n"
