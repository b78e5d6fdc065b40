from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.data import images
from core.errors import BadInput


def encoded(image: Image.Image, format_name: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format_name, **options)
    return buffer.getvalue()


def rgb(data: bytes) -> np.ndarray:
    return np.asarray(images.open_rgb(io.BytesIO(data)))


def noise(width: int = 64, height: int = 48) -> Image.Image:
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def png_header_only(width: int, height: int) -> bytes:
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    checked = struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))
    return b"\x89PNG\r\n\x1a\n" + checked + b"\x00\x00\x00\x00IDAT" + struct.pack(">I", 0x35AF061E)


def png_with_text_bomb() -> bytes:
    data = encoded(noise(8, 8), "PNG")
    body = b"zTXtx\x00\x00" + zlib.compress(b"a" * 3_000_000)
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    return data[:33] + chunk + data[33:]


BAD = {
    "empty": (b"", "empty"),
    "text called .jpg": (b"this is no picture, whatever it is called" * 10, "not an image"),
    "JPEG cut short": (encoded(noise(), "JPEG")[:-900], "cut short"),
    "JPEG without its last rows": (encoded(noise(300, 300), "JPEG")[:-40], "cut short"),
    "PNG cut short": (encoded(noise(), "PNG")[:2000], "cut short"),
    "GIF cut short": (encoded(noise(), "GIF")[:1500], "cut short"),
    "only a JPEG's first bytes": (b"\xff\xd8\xff\xe0\x00\x10JFIF", "image"),
    "PNG of 10,000 million pixels": (png_header_only(100_000, 100_000), "too large"),
    "PNG just over the limit": (png_header_only(9_000, 9_000), "too large"),
    "PNG over Pillow's warning": (png_header_only(10_000, 10_000), "too large"),
    "PNG with a text that unpacks to much": (png_with_text_bomb(), "damaged"),
    "HEIC": (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic", "HEIC"),
    "EPS": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\n", "not an image"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_refused_with_a_reason(name: str) -> None:
    data, reason = BAD[name]
    with pytest.raises(BadInput, match=reason):
        images.inspect(data)
    with pytest.raises(BadInput, match=reason):
        images.open_rgb(io.BytesIO(data))


@pytest.mark.filterwarnings("ignore")
def test_damage_anywhere_in_a_file_ends_in_bad_input_or_a_picture() -> None:
    random = np.random.default_rng(1)
    reasons, sizes = [], []
    for format_name in ("JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "PPM", "TGA", "ICO", "QOI"):
        whole = encoded(noise(16, 16), format_name)
        for _attempt in range(60):
            data = bytearray(whole)
            for place in random.integers(0, len(data), 4):
                data[place] = random.integers(0, 256)
            try:
                facts = images.inspect(bytes(data[: random.integers(1, len(data) + 1)]))
                sizes.append(facts.width * facts.height)
            except BadInput as error:
                reasons.append(error.what)
    assert min(sizes) > 0
    assert all(reason.endswith(".") for reason in reasons)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_exif_rotation_is_applied(orientation: int) -> None:
    upright = Image.new("RGB", (40, 20), "black")
    upright.paste("red", (0, 0, 20, 10))
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = upright.transpose(undo[orientation]) if orientation in undo else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(stored, "PNG", exif=exif)
    assert images.open_rgb(io.BytesIO(data)).size == (40, 20)
    assert np.array_equal(rgb(data), np.asarray(upright))
    assert images.inspect(data) == images.ImageFacts("png", 40, 20)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_a_damaged_exif_block_does_not_refuse_the_picture() -> None:
    data = encoded(noise(), "JPEG", exif=b"Exif\x00\x00II*\x00\xff\xff\xff\xff\x00")
    assert rgb(data).shape == (48, 64, 3)


def test_transparency_is_laid_on_white() -> None:
    clear = Image.new("RGBA", (4, 4), (255, 0, 0, 0))
    half = Image.new("LA", (4, 4), (0, 128))
    palette = Image.new("P", (4, 4), 0)
    palette.putpalette([10, 20, 30, 200, 0, 0])
    assert rgb(encoded(clear, "PNG")).min() == 255
    assert rgb(encoded(half, "PNG"))[0, 0].tolist() == [127, 127, 127]
    assert rgb(encoded(palette, "PNG", transparency=0)).min() == 255
    assert rgb(encoded(palette, "PNG"))[0, 0].tolist() == [10, 20, 30]
    keyed = encoded(Image.new("RGB", (4, 4), (9, 9, 9)), "PNG", transparency=(9, 9, 9))
    assert rgb(keyed).min() == 255


def test_grey_and_black_and_white_become_rgb() -> None:
    assert rgb(encoded(Image.new("L", (3, 2), 77), "PNG")).tolist() == [[[77] * 3] * 3] * 2
    assert rgb(encoded(Image.new("1", (3, 2), 1), "TIFF")).min() == 255


def test_cmyk_becomes_rgb() -> None:
    red = Image.new("CMYK", (8, 8), (0, 255, 255, 0))
    pixel = rgb(encoded(red, "JPEG", quality=95))[4, 4]
    assert pixel[0] > 200
    assert pixel[1] < 60
    assert pixel[2] < 60


def test_lab_becomes_rgb() -> None:
    grey = rgb(encoded(Image.new("LAB", (4, 4), (128, 128, 128)), "TIFF"))[0, 0].astype(int)
    assert np.ptp(grey) < 12
    assert 90 < grey.mean() < 150


@pytest.mark.parametrize("format_name", ["PNG", "TIFF", "PPM"])
def test_16_bit_grey_is_scaled_and_not_clipped(format_name: str) -> None:
    ramp = np.linspace(0, 65535, 256).astype(np.uint16).reshape(16, 16)
    grey = rgb(encoded(Image.fromarray(ramp), format_name))[..., 0]
    assert np.abs(grey.astype(int) - np.arange(256).reshape(16, 16)).max() <= 1


def test_a_12_bit_camera_in_a_16_bit_file_is_not_black() -> None:
    ramp = np.linspace(0, 4095, 256).astype(np.uint16).reshape(16, 16)
    assert rgb(encoded(Image.fromarray(ramp), "TIFF")).max() == 255


@pytest.mark.parametrize(
    ("low", "high"), [(0.0, 1.0), (-3.0, 3.0), (1e6, 2e6), (-1e30, 1e30)]
)
def test_floating_point_pictures_use_the_whole_range(low: float, high: float) -> None:
    ramp = np.linspace(low, high, 256).astype(np.float32).reshape(16, 16)
    grey = rgb(encoded(Image.fromarray(ramp), "TIFF"))[..., 0]
    assert grey.min() == 0
    assert grey.max() == 255
    assert (np.diff(grey.reshape(-1).astype(int)) >= 0).all()


def test_a_flat_or_undefined_floating_point_picture_is_read() -> None:
    flat = Image.fromarray(np.full((4, 4), -7.0, np.float32))
    undefined = Image.fromarray(np.full((4, 4), np.nan, np.float32))
    assert rgb(encoded(flat, "TIFF")).shape == (4, 4, 3)
    assert rgb(encoded(undefined, "TIFF")).shape == (4, 4, 3)


@pytest.mark.parametrize("format_name", ["GIF", "PNG", "WEBP", "TIFF"])
def test_of_an_animation_the_first_frame_is_taken(format_name: str) -> None:
    first, second = Image.new("RGB", (8, 8), "red"), Image.new("RGB", (8, 8), "blue")
    data = encoded(first, format_name, save_all=True, append_images=[second])
    assert rgb(data)[4, 4].tolist()[0] > 240


def test_a_path_and_an_open_file_give_the_same(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(encoded(noise(), "JPEG"))
    with path.open("rb") as handle:
        assert np.array_equal(images.load_array(path, 32), images.load_array(handle, 32))


def test_a_file_that_is_not_there_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be opened"):
        images.open_rgb(tmp_path / "none.jpg")


def test_an_array_shows_the_whole_picture_in_a_square() -> None:
    wide = Image.new("RGB", (100, 50), "red")
    wide.paste("blue", (50, 0, 100, 50))
    array = images.load_array(io.BytesIO(encoded(wide, "PNG")), 20)
    assert array.shape == (20, 20, 3)
    assert array.dtype == np.uint8
    assert array[:, :8].tolist() == [[[255, 0, 0]] * 8] * 20
    assert array[:, 12:].tolist() == [[[0, 0, 255]] * 8] * 20


def test_a_large_jpeg_decoded_small_keeps_at_least_the_edge_asked_for() -> None:
    data = encoded(noise(900, 700), "JPEG")
    small = images.open_rgb(io.BytesIO(data), at_least=100)
    assert min(small.size) >= 100
    assert small.width < 900
    assert images.open_rgb(io.BytesIO(data)).size == (900, 700)


def test_a_thumbnail_is_the_centre_as_a_square_jpeg() -> None:
    wide = Image.new("RGB", (300, 100), "red")
    wide.paste("blue", (100, 0, 200, 100))
    thumbnail = Image.open(io.BytesIO(images.thumbnail(io.BytesIO(encoded(wide, "PNG")), 40)))
    assert thumbnail.format == "JPEG"
    assert thumbnail.size == (40, 40)
    corner = np.asarray(thumbnail)[2, 2]
    assert corner[2] > 200
    assert corner[0] < 60


def test_pillows_global_settings_are_untouched() -> None:
    from PIL import ImageFile

    assert ImageFile.LOAD_TRUNCATED_IMAGES is False
    assert Image.MAX_IMAGE_PIXELS == 89_478_485
    assert images.MAX_PIXELS < Image.MAX_IMAGE_PIXELS
