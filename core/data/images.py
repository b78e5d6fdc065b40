"""The one way in which image files become RGB pixels: checked, rotated, flattened, first frame."""

from __future__ import annotations

import io
import logging
import struct
import warnings
import zlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import ExifTags, Image, ImageCms, ImageFile, ImageOps, UnidentifiedImageError

from core.errors import BadInput
from core.i18n import _

MAX_PIXELS = 80_000_000
"""The largest picture that is decoded: it takes about 240 MB as RGB."""

MAX_FILE_BYTES = 256 * 2**20
"""The largest image file that is read."""

# NOTE: a closed list. Left open, Pillow would also try EPS, which starts Ghostscript on the file.
# TGA comes last, because it has no signature of its own.
_EXTENSIONS = {
    "JPEG": "jpg",
    "MPO": "jpg",
    "PNG": "png",
    "GIF": "gif",
    "BMP": "bmp",
    "DIB": "bmp",
    "WEBP": "webp",
    "AVIF": "avif",
    "TIFF": "tif",
    "JPEG2000": "jp2",
    "PPM": "ppm",
    "ICO": "ico",
    "QOI": "qoi",
    "TGA": "tga",
}
_FORMATS = tuple(name for name in _EXTENSIONS if name != "MPO")  # JPEG finds MPO by itself

# Every class that Pillow's readers were seen to raise, or by their code can raise, on a bad file.
_READER_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    AssertionError,
    EOFError,
    MemoryError,
    RuntimeError,
    BufferError,
    struct.error,
    zlib.error,
    ImageCms.PyCMSError,
    Image.DecompressionBombError,
    Warning,  # where warnings are made errors
)
_HEIC_BRANDS = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1")
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_BIT_DEPTHS = (8, 10, 12, 14, 16)

# What Pillow has to say about bad metadata is of no use to whoever looks at a server's log.
# NOTE: set once, here: warnings.catch_warnings is not safe with threads.
warnings.filterwarnings("ignore", module=r"PIL(\.|$)")
logging.getLogger("PIL").addHandler(logging.NullHandler())


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What is known of an image file after all of it was decoded.

    Attributes:
        extension: The usual ending for the format that was found, without a dot.
        width: Pixels across, after the EXIF rotation.
        height: Pixels down, after the EXIF rotation.
    """

    extension: str
    width: int
    height: int


def open_rgb(source: Path | BinaryIO, *, at_least: int | None = None) -> Image.Image:
    """Decode an image file into RGB pixels.

    The EXIF rotation is applied, transparency is laid on white, palettes, CMYK, LAB, 16-bit and
    floating-point pictures become 8-bit RGB, and of an animation the first frame is taken.

    Args:
        source: A file, or an open one that can be sought.
        at_least: Where only a smaller picture is needed, the shorter side in pixels that is
            enough: a large JPEG is then decoded at 1/2, 1/4 or 1/8 of its size, which is faster.
            ``None`` decodes everything.

    Returns:
        A picture in mode "RGB".

    Raises:
        BadInput: The file cannot be read as an image; ``what`` is the reason, one sentence.
    """
    if isinstance(source, Path):
        try:
            with source.open("rb") as handle:
                return _decode(handle, at_least)[0]
        except OSError as error:
            raise BadInput(_("The file cannot be opened.")) from error
    return _decode(source, at_least)[0]


def inspect(data: bytes) -> ImageFacts:
    """Decode all of an image file that is in memory, to be sure that it can be used.

    Raises:
        BadInput: It cannot; ``what`` is the reason, one sentence.
    """
    if not data:
        raise BadInput(_("The file is empty."))
    image, format_name = _decode(io.BytesIO(data), None)
    return ImageFacts(_EXTENSIONS[format_name], *image.size)


def load_array(source: Path | BinaryIO, size: int) -> np.ndarray:
    """Load a picture as a network sees it, in training, evaluation and prediction alike.

    The whole picture is resized to a square (bilinear, antialiased), so nothing is cut off.

    Args:
        source: As in :func:`open_rgb`.
        size: The edge in pixels, at least 1.

    Returns:
        uint8 of shape (size, size, 3), 0..255.

    Raises:
        BadInput: The file cannot be read as an image.
    """
    image = open_rgb(source, at_least=size)
    return np.asarray(image.resize((size, size), Image.Resampling.BILINEAR), dtype=np.uint8)


def thumbnail(source: Path | BinaryIO, edge: int) -> bytes:
    """Return a centred square of a picture as a small JPEG file.

    Args:
        source: As in :func:`open_rgb`.
        edge: Its edge in pixels, at least 1.

    Raises:
        BadInput: The file cannot be read as an image.
    """
    image = ImageOps.fit(open_rgb(source, at_least=edge), (edge, edge), Image.Resampling.BILINEAR)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def _decode(handle: BinaryIO, at_least: int | None) -> tuple[Image.Image, str]:
    try:
        with Image.open(handle, formats=_FORMATS) as image:
            _check_size(image)
            if at_least is not None and isinstance(image, ImageFile.ImageFile):
                image.draft(None, (at_least, at_least))
            image.load()
            _check_size(image)
            return _to_rgb(_upright(image)), str(image.format)
    except BadInput:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise BadInput(_too_large()) from error
    except _READER_ERRORS as error:
        raise BadInput(_reason(handle, error)) from error


def _check_size(image: Image.Image) -> None:
    if image.width < 1 or image.height < 1:
        raise BadInput(_("The picture has no width or no height."))
    if image.width * image.height > MAX_PIXELS:
        raise BadInput(_too_large())


def _too_large() -> str:
    return _("The picture has more than {million} million pixels, which is too large.").format(
        million=MAX_PIXELS // 1_000_000
    )


def _reason(handle: BinaryIO, error: BaseException) -> str:
    head = _head(handle)
    if isinstance(error, MemoryError):
        reason = _("The picture does not fit into memory.")
    elif head == b"":
        reason = _("The file is empty.")
    elif head[4:8] == b"ftyp" and head[8:12] in _HEIC_BRANDS:
        reason = _("HEIC photos cannot be read here; export them as JPEG.")
    elif isinstance(error, UnidentifiedImageError):
        reason = _("The file is not an image, or is damaged at its beginning.")
    elif "truncated" in str(error).lower():
        reason = _("The image file is cut short.")
    else:
        reason = _("The image file is damaged or of a kind that cannot be read.")
    return reason


def _head(handle: BinaryIO) -> bytes:
    try:
        handle.seek(0)
        return handle.read(16)
    except (OSError, ValueError) as error:
        raise BadInput(_("The file cannot be read.")) from error


def _upright(image: Image.Image) -> Image.Image:
    try:
        turn = _TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    except _READER_ERRORS:
        # The pixels are fine; a camera's damaged note about them is no reason to refuse them.
        return image
    return image if turn is None else image.transpose(turn)


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I") or image.mode == "F":
        image = _to_8_bit(image)
    elif image.mode == "LAB":
        image = ImageCms.applyTransform(image, _lab_to_srgb()) or image
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return image if image.mode == "RGB" else image.convert("RGB")


@lru_cache(maxsize=1)
def _lab_to_srgb() -> ImageCms.ImageCmsTransform:
    return ImageCms.buildTransform(
        ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), "LAB", "RGB"
    )


def _to_8_bit(image: Image.Image) -> Image.Image:
    """Scale a grey picture of more than 8 bits to 0..255.

    NOTE: such files rarely say how many of their bits are used (10- and 12-bit cameras write
    16-bit files), so the smallest usual depth that holds the brightest pixel is taken. Values
    that fit no depth (negative, or measured quantities) are stretched from darkest to brightest.
    """
    values = np.asarray(image).astype(np.float32)
    values = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    low, high = float(values.min()), float(values.max())
    if image.mode == "F" and low >= 0 and high <= 1:
        scaled = values * 255
    elif low >= 0 and high < 2**16:
        depth = next(bits for bits in _BIT_DEPTHS if high < 2**bits)
        scaled = values * (255 / (2**depth - 1))
    else:
        scaled = (values - low) * (255 / (high - low)) if high > low else values * 0
    return Image.fromarray(np.rint(scaled.clip(0, 255)).astype(np.uint8))
