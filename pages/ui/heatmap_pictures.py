"""Photos with their heatmaps side by side: made once for each photo, block and class, and kept."""

from __future__ import annotations

import base64
import io
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image

from core.data.images import load_array, open_rgb
from core.i18n import _
from core.runs import studied
from core.runs.folder import require_model
from core.runs.listing import Listed
from pages.ui.pieces import text

EDGE = 480
DRAWS = 5
KEPT = 256
_SECOND_SEED = 1000
_Drawn = TypeVar("_Drawn")
_Key = tuple[str, str, str, int]


@dataclass(frozen=True)
class Explained:
    """A photo and where the network looks in it.

    Attributes:
        photo: The whole photo, a JPEG file.
        overlay: The same with the heatmap over it.
        chosen: The class that the heatmap is for, as an index.
        probabilities: How likely the network holds each class, 0 to 1.
        heat: The heatmap itself, ``(height, width)``, 0 to 1, as fine as the block's output.
    """

    photo: bytes
    overlay: bytes
    chosen: int
    probabilities: tuple[float, ...]
    heat: NDArray[np.float32] = field(compare=False)

    @property
    def empty(self) -> bool:
        """Whether nothing in the photo speaks for that class, as this block sees it."""
        return not self.heat.any()

    @property
    def said(self) -> int:
        """The class that the network says, as an index."""
        return self.probabilities.index(max(self.probabilities))


@dataclass(frozen=True)
class Unlearned:
    """The same photo and class, with a head of random weights.

    Attributes:
        overlay: With the heatmap of the first draw over it, a JPEG file.
        likeness: Spearman's rank correlation with the model's own heatmap, draw by draw; those left out
            where one of the two is the same everywhere.
    """

    overlay: bytes
    likeness: tuple[float, ...]


class _Store(Generic[_Drawn]):
    """What was drawn last, of all who look; safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[_Key, _Drawn] = OrderedDict()

    def get(self, key: _Key) -> _Drawn | None:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def keep(self, key: _Key, drawn: _Drawn) -> _Drawn:
        with self._lock:
            self._kept[key] = drawn
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return drawn

    def clear(self) -> None:
        with self._lock:
            self._kept.clear()


_explained: _Store[Explained] = _Store()
_unlearned: _Store[Unlearned] = _Store()


def kept_explained(run: Listed, digest: str, block: str, wanted: int) -> Explained | None:
    """Return what :func:`explained` has made before; ``None`` where it has to be made."""
    return _explained.get(_key(run, digest, block, wanted))


def kept_unlearned(run: Listed, digest: str, block: str, chosen: int) -> Unlearned | None:
    """Return what :func:`unlearned` has made before; ``None`` where it has to be made."""
    return _unlearned.get(_key(run, digest, block, chosen))


def explained(run: Listed, source: Path | bytes, digest: str, block: str, wanted: int) -> Explained:
    """Return where a run's network looks in a photo; made once, and kept among the last ``KEPT``.

    Args:
        run: A run with a model.
        source: The photo, a file or what is in one.
        digest: What tells the photo from any other.
        block: The name of the block that is looked at.
        wanted: The class, as an index; :data:`core.insight.heatmap.SAID` for what the network says.

    Raises:
        BadInput: The model or the photo cannot be read.
    """
    from core.insight.heatmap import explainer, overlay
    from core.insight.predict import loaded

    key = _key(run, digest, block, wanted)
    known = _explained.get(key)
    if known is not None:
        return known
    model = loaded(require_model(run.folder))
    found = explainer(model, run.plan.backbone, block).heatmaps(
        load_array(_opened(source), model.size)[None], [wanted])
    photo = open_rgb(_opened(source), at_least=EDGE)
    return _explained.keep(key, Explained(
        _jpeg(photo), overlay(photo, found.maps[0], longest=EDGE), int(found.classes[0]),
        tuple(float(each) for each in found.probabilities[0]), found.maps[0],
    ))


def unlearned(
    run: Listed, source: Path | bytes, digest: str, block: str, own: Explained,
    between: Callable[[], None] = lambda: None,
) -> Unlearned:
    """Return the same with heads of random weights; kept as :func:`explained` does.

    Args:
        run: A run with a model.
        source: The photo, a file or what is in one.
        digest: What tells the photo from any other.
        block: The name of the block that is looked at.
        own: What was found with the model's own head; the class is taken from it.
        between: Called before each of the heads; it may raise Stopped.

    Raises:
        BadInput: The model or the photo cannot be read.
        Stopped: ``between`` asked for it.
    """
    from core.insight.heatmap import explainer, likeness, overlay
    from core.insight.predict import loaded

    key = _key(run, digest, block, own.chosen)
    known = _unlearned.get(key)
    if known is not None:
        return known
    model = loaded(require_model(run.folder))
    looks = explainer(model, run.plan.backbone, block)
    images = load_array(_opened(source), model.size)[None]
    drawn = []
    for n in range(DRAWS):
        between()
        head = looks.random_head(_SECOND_SEED + n)
        drawn.append(looks.heatmaps(images, [own.chosen], head=head).maps[0])
    alike = [likeness(own.heat, each) for each in drawn]
    return _unlearned.keep(key, Unlearned(
        overlay(open_rgb(_opened(source), at_least=EDGE), drawn[0], longest=EDGE),
        tuple(each for each in alike if each is not None),
    ))


def _key(run: Listed, digest: str, block: str, wanted: int) -> _Key:
    return f"{run.folder.path} {studied.model_mark(run.folder)}", digest, block, wanted


def side_by_side(pictures: Sequence[tuple[bytes, str]], words: str) -> None:
    """Show whole pictures beside each other, nothing cut off.

    Args:
        pictures: JPEG files, with what each is.
        words: A line under them; may hold text from outside.
    """
    shown = "".join(
        '<figure style="flex:1 1 0;min-width:0;margin:0">'
        f'<img src="{_address(picture)}" alt="{text(title)}" style="display:block;width:100%;'
        'max-height:380px;object-fit:contain;object-position:left top;border-radius:8px">'
        f'<figcaption class="thaw-caption">{text(title)}</figcaption></figure>'
        for picture, title in pictures
    )
    st.html(
        f'<div style="display:flex;gap:8px;align-items:flex-start">{shown}</div>'
        f'<p style="margin:4px 0 12px;overflow-wrap:anywhere">{text(words)}</p>'
    )


def ramp() -> None:
    """Show what the colours of a heatmap stand for."""
    from core.insight.heatmap import RAMP

    colours = ",".join(f"rgb({red},{green},{blue})" for red, green, blue in RAMP)
    st.html(
        '<div class="thaw-caption" style="display:flex;align-items:center;gap:10px;flex-wrap:wrap">'
        f"<span>{text(_('no influence'))}</span>"
        '<span aria-hidden="true" style="width:140px;height:10px;border-radius:5px;'
        f'background:linear-gradient(90deg,{colours})"></span>'
        f"<span>{text(_('speaks the most for the class'))}</span></div>"
    )


def _opened(source: Path | bytes) -> Path | io.BytesIO:
    return source if isinstance(source, Path) else io.BytesIO(source)


def _jpeg(photo: Image.Image) -> bytes:
    small = photo.copy()
    small.thumbnail((EDGE, EDGE), Image.Resampling.BILINEAR, reducing_gap=2.0)
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=88)
    return buffer.getvalue()


def _address(picture: bytes) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(picture).decode("ascii")
