"""What was measured of a backbone on this machine, kept in the workspace."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path

from core.backbones import catalogue
from core.errors import BadInput
from core.files import JsonObject, read_json, write_json
from core.workspace import Workspace

FORM = 3
_LARGEST = 1e15


@dataclass(frozen=True)
class Anchor:
    """A training step that was measured.

    Attributes:
        trainable: The blocks that learned.
        step_s: Seconds an image.
        peak_bytes: The process's largest memory during it.
        trace_s: Seconds that the first of them took more than a later one.
    """

    trainable: tuple[str, ...]
    step_s: float
    peak_bytes: int
    trace_s: float = 0.0


@dataclass(frozen=True)
class Measured:
    """What a calibration found.

    Attributes:
        backbone: Its name.
        image_size: Edge of the images, in pixels.
        batch: Images a step.
        forward_s: Seconds an image for a pass without learning.
        import_s: Seconds to bring TensorFlow up.
        build_s: Seconds to build the model.
        trace_s: Seconds for the first step more than for a later one.
        save_s: Seconds to write the model's weights once.
        base_bytes: The process's memory once the model is built.
        anchors: Steps with nothing, the last block, everything learning; empty after a quick look.
        machine: See :func:`machine`.
        at: When, in seconds since 1970.
    """

    backbone: str
    image_size: int
    batch: int
    forward_s: float
    import_s: float
    build_s: float
    trace_s: float
    save_s: float
    base_bytes: int
    anchors: tuple[Anchor, ...]
    machine: str
    at: float
    form: int = FORM

    @property
    def images_per_s(self) -> float:
        """Images a second for a pass without learning."""
        return 1 / self.forward_s

    def save(self, workspace: Workspace) -> None:
        """Keep it, in place of what was measured of the same before."""
        path = _path(workspace, self.backbone, self.image_size)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, asdict(self))


def measured(workspace: Workspace, backbone: str, image_size: int) -> Measured | None:
    """Return what was measured of a backbone here, or ``None``: never, on another machine, damaged."""
    try:
        found = _from_json(read_json(_path(workspace, backbone, image_size)))
    except BadInput:
        return None
    ours = found.backbone == catalogue.get(backbone).name and found.image_size == image_size
    return found if ours and found.machine == machine() and found.form == FORM else None


def all_measured(workspace: Workspace, names: Iterable[str]) -> dict[str, Measured]:
    """Return what was measured of backbones at their own image size, by name."""
    known = {name: measured(workspace, name, catalogue.get(name).input_size) for name in names}
    return {name: each for name, each in known.items() if each is not None}


@cache
def machine() -> str:
    """Say what this machine is, as far as speed depends on it: processor, cores, TensorFlow."""
    return f"{processor()}, {os.cpu_count()} cores, TensorFlow {version('tensorflow')}"


def processor() -> str:
    """Return the processor's name, or its kind where the system does not tell it."""
    info = Path("/proc/cpuinfo")  # Linux alone has it
    lines = info.read_text(encoding="utf-8").splitlines() if info.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _path(workspace: Workspace, backbone: str, image_size: int) -> Path:
    return workspace.cache / "speed" / f"{catalogue.get(backbone).name}-{image_size}.json"


def _from_json(given: JsonObject) -> Measured:
    try:
        anchors = tuple(
            Anchor(tuple(each["trainable"]), each["step_s"], each["peak_bytes"], each["trace_s"])
            for each in given["anchors"]  # type: ignore[attr-defined]
        )
        found = Measured(**{**given, "anchors": anchors})  # type: ignore[arg-type]
    except (TypeError, KeyError) as error:
        raise BadInput("A measurement cannot be read.") from error
    if not _is_sound(found):
        raise BadInput("A measurement cannot be read.")
    return found


def _is_sound(found: Measured) -> bool:
    above_zero = [found.forward_s, found.batch, found.base_bytes]
    for anchor in found.anchors:
        if not all(isinstance(name, str) for name in anchor.trainable):
            return False
        above_zero += [anchor.step_s, anchor.peak_bytes]
    if not isinstance(found.batch, int):
        return False
    others = [found.import_s, found.build_s, found.trace_s, found.save_s, found.at]
    others += [anchor.trace_s for anchor in found.anchors]
    if not all(map(_is_number, (*above_zero, *others))):
        return False
    return all(value > 0 for value in above_zero) and all(value >= 0 for value in others)


def _is_number(value: object) -> bool:
    # NOTE: JSON as Python reads it has Infinity and whole numbers that no float can hold.
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _LARGEST
