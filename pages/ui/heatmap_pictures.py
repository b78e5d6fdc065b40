"""Photos with their heatmaps side by side: made once for each photo, block and class, and kept."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st
from PIL import Image

from core.data.images import load_array, open_rgb
from core.i18n import _
from core.runs import studied
from core.runs.folder import RunFolder, require_model
from core.runs.listing import Listed
from pages.ui.pieces import text

EDGE = 480
DRAWS = 5
_SECOND_SEED = 1000
_KEPT = 256


@dataclass(frozen=True)
class Explained:
    """A photo and where the network looks in it.

    Attributes:
        photo: The whole photo, a JPEG file.
        overlay: The same with the heatmap over it.
        chosen: The class that the heatmap is for, as an index.
        probabilities: How likely the network holds each class, 0 to 1.
        empty: Whether nothing in the photo speaks for that class, as this block sees it.
    """

    photo: bytes
    overlay: bytes
    chosen: int
    probabilities: tuple[float, ...]
    empty: bool

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


def explained(run: Listed, source: Path | bytes, digest: str, block: str, wanted: int) -> Explained:
    """Return where a run's network looks in a photo.

    Args:
        run: A run with a model.
        source: The photo, a file or what is in one.
        digest: What tells the photo from any other.
        block: The name of the block that is looked at.
        wanted: The class, as an index; :data:`core.insight.heatmap.SAID` for what the network says.

    Raises:
        BadInput: The model or the photo cannot be read.
    """
    mark = studied.model_mark(run.folder)
    return _explained(run.folder, run.plan.backbone, source, mark, digest, block, wanted)


def unlearned(run: Listed, source: Path | bytes, digest: str, block: str, chosen: int) -> Unlearned:
    """Return the same with heads of random weights; arguments as of :func:`explained`."""
    mark = studied.model_mark(run.folder)
    return _unlearned(run.folder, run.plan.backbone, source, mark, digest, block, chosen)


@st.cache_data(max_entries=_KEPT, show_spinner=False)
def _explained(
    _folder: RunFolder, _backbone: str, _source: Path | bytes, mark: str, digest: str, block: str, wanted: int
) -> Explained:
    from core.insight.heatmap import explainer, overlay
    from core.insight.predict import loaded

    model = loaded(require_model(_folder))
    found = explainer(model, _backbone, block).heatmaps(
        load_array(_opened(_source), model.size)[None], [wanted])
    photo = open_rgb(_opened(_source), at_least=EDGE)
    return Explained(
        _jpeg(photo), overlay(photo, found.maps[0], longest=EDGE), int(found.classes[0]),
        tuple(float(each) for each in found.probabilities[0]), not found.maps[0].any(),
    )


@st.cache_data(max_entries=_KEPT, show_spinner=False)
def _unlearned(
    _folder: RunFolder, _backbone: str, _source: Path | bytes, mark: str, digest: str, block: str, chosen: int
) -> Unlearned:
    from core.insight.heatmap import explainer, likeness, overlay
    from core.insight.predict import loaded

    model = loaded(require_model(_folder))
    looks = explainer(model, _backbone, block)
    images = load_array(_opened(_source), model.size)[None]
    own = looks.heatmaps(images, [chosen]).maps[0]
    drawn = [
        looks.heatmaps(images, [chosen], head=looks.random_head(_SECOND_SEED + n)).maps[0]
        for n in range(DRAWS)
    ]
    alike = [likeness(own, each) for each in drawn]
    return Unlearned(
        overlay(open_rgb(_opened(_source), at_least=EDGE), drawn[0], longest=EDGE),
        tuple(each for each in alike if each is not None),
    )


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
