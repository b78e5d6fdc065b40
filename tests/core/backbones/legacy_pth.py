"""Write small PyTorch weight files of the older kind, whole or bent, opcode by opcode."""

from __future__ import annotations

import struct

import numpy as np

MAGIC = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."
VERSION = b"\x80\x02M\xe9\x03."
MACHINE = b"\x80\x02}(" + b"X\x0d\x00\x00\x00little_endian\x88u."
ORDERED_DICT = b"ccollections\nOrderedDict\n"
REBUILD = b"ctorch._utils\n_rebuild_tensor_v2\n"
STORAGES = {"<f4": b"ctorch\nFloatStorage\n", "<i8": b"ctorch\nLongStorage\n"}


def text(value: str) -> bytes:
    raw = value.encode()
    return b"X" + struct.pack("<I", len(raw)) + raw


def number(value: int) -> bytes:
    return b"J" + struct.pack("<i", value)


def counts(values: tuple[int, ...]) -> bytes:
    return b"(" + b"".join(number(value) for value in values) + b"t"


def storage(key: str, length: int, dtype: str = "<f4") -> bytes:
    return b"(" + text("storage") + STORAGES[dtype] + text(key) + text("cpu") + number(length) + b"NtQ"


def tensor(key: str, array: np.ndarray, *, offset: int = 0, shape: tuple[int, ...] | None = None,
           strides: tuple[int, ...] | None = None, announced: int | None = None) -> bytes:
    length = array.size if announced is None else announced
    shape = array.shape if shape is None else shape
    if strides is None:
        strides = tuple(stride // array.itemsize for stride in array.strides)
    return (REBUILD + b"(" + storage(key, length, array.dtype.str) + number(offset) + counts(shape)
            + counts(strides) + b"\x89" + ORDERED_DICT + b")RtR")


def weights_pickle(named: dict[str, bytes]) -> bytes:
    items = b"".join(text(name) + value for name, value in named.items())
    metadata = b"}" + text("_metadata") + ORDERED_DICT + b")Rsb"
    return b"\x80\x02" + ORDERED_DICT + b")R(" + items + b"u" + metadata + b"."


def keys_pickle(keys: list[str]) -> bytes:
    return b"\x80\x02](" + b"".join(text(key) for key in keys) + b"e."


def raw_storage(array: np.ndarray) -> bytes:
    return struct.pack("<q", array.size) + array.tobytes()


def whole_file(arrays: dict[str, np.ndarray]) -> bytes:
    named = {name: tensor(f"key-{name}", array) for name, array in arrays.items()}
    return file_of(weights_pickle(named), {f"key-{name}": array for name, array in arrays.items()})


def file_of(weights: bytes, storages: dict[str, np.ndarray]) -> bytes:
    numbers = b"".join(raw_storage(array) for array in storages.values())
    return MAGIC + VERSION + MACHINE + weights + keys_pickle(list(storages)) + numbers
