"""Photos made worse in the ways that cameras, light and messengers make them worse, at three strengths.

Source:
    After Hendrycks and Dietterich, Benchmarking Neural Network Robustness to Common Corruptions and
    Perturbations (2019), arXiv:1903.12261. Blur, noise and JPEG are as strong as their severities 1, 3
    and 5 of ImageNet-C. Turning and darkening are not among theirs, which have five severities of 15
    kinds. Here, too, the picture as the network gets it is changed, after resizing.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from core.i18n import _

Pixels = NDArray[np.uint8]
STRENGTHS = (1, 2, 3)


@dataclass(frozen=True)
class Corruption:
    """One way in which photos get worse.

    Attributes:
        name: Its name, of ours: ``blur``, ``dark``, ``noise``, ``turn`` or ``jpeg``.
        amounts: How much at each of the strengths 1 to 3; in what, its function says.
        change: From a photo ``(size, size, 3)``, an amount and what chance there is in it to the changed
            photo.
    """

    name: str
    amounts: tuple[float, float, float]
    change: Callable[[Pixels, float, np.random.Generator], Pixels]


def titles() -> dict[str, str]:
    """Return what each corruption is called."""
    return {
        "blur": _("Blurred"), "dark": _("Darkened"), "noise": _("Noisy"), "turn": _("Turned"),
        "jpeg": _("JPEG-crushed"),
    }


def corrupted(image: Pixels, name: str, strength: int, digest: str) -> Pixels:
    """Return a photo made worse.

    Args:
        image: ``(size, size, 3)``, uint8; it stays as it is.
        name: Of :data:`CORRUPTIONS`.
        strength: 1 to 3.
        digest: SHA-256 of the photo's bytes, in hex. Chance follows from it alone: a photo gets the same
            noise, and turns to the same side, each time and at each strength.

    Returns:
        ``(size, size, 3)``, uint8.
    """
    corruption = CORRUPTIONS[name]
    place = list(CORRUPTIONS).index(name)
    random = np.random.default_rng((int(digest[:16], 16), place))
    return corruption.change(image, corruption.amounts[strength - 1], random)


def _blurred(image: Pixels, amount: float, _random: np.random.Generator) -> Pixels:
    """Blur by a Gaussian; ``amount`` is its sigma as a share of the edge."""
    return np.asarray(Image.fromarray(image).filter(ImageFilter.GaussianBlur(amount * image.shape[0])))


def _darkened(image: Pixels, amount: float, _random: np.random.Generator) -> Pixels:
    """Darken; ``amount`` is the share of each pixel's value that is left."""
    return _pixels(image * np.float32(amount))


def _noisy(image: Pixels, amount: float, random: np.random.Generator) -> Pixels:
    """Add normal noise, independent at each pixel and channel; ``amount`` is its spread of a range of 1."""
    noise = random.standard_normal(image.shape, dtype=np.float32)
    return _pixels(image + 255 * np.float32(amount) * noise)


def _turned(image: Pixels, amount: float, random: np.random.Generator) -> Pixels:
    """Turn about the middle; ``amount`` is in degrees, to either side, and corners show the mirrored edge."""
    degrees = amount if random.integers(2) else -amount
    size = image.shape[0]
    # Half a diagonal less half an edge is uncovered at most.
    border = min(size - 1, math.ceil(size * (math.sqrt(2) - 1) / 2) + 1)
    padded = np.pad(image, ((border, border), (border, border), (0, 0)), mode="reflect")
    turned = Image.fromarray(padded).rotate(degrees, Image.Resampling.BILINEAR)
    return np.asarray(turned.crop((border, border, border + size, border + size)))


def _crushed(image: Pixels, amount: float, _random: np.random.Generator) -> Pixels:
    """Save as JPEG and read again; ``amount`` is the quality, 1 to 95."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=int(amount))
    return np.asarray(Image.open(buffer))


def _pixels(values: NDArray[np.float32]) -> Pixels:
    whole: Pixels = np.rint(np.clip(values, 0, 255)).astype(np.uint8)
    return whole


CORRUPTIONS = {
    each.name: each
    for each in (
        Corruption("blur", (1 / 224, 3 / 224, 6 / 224), _blurred),
        Corruption("dark", (0.6, 0.35, 0.15), _darkened),
        Corruption("noise", (0.08, 0.18, 0.38), _noisy),
        Corruption("turn", (10, 25, 45), _turned),
        Corruption("jpeg", (25, 15, 7), _crushed),
    )
}
