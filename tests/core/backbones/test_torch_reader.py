from __future__ import annotations

import os
import pickle
import pickletools
import random
from io import BytesIO
from pathlib import Path

import legacy_pth as pth
import numpy as np
import pytest

from core.backbones.catalogue import BACKBONES, LITE_SCALES
from core.backbones.pickle_data import NEEDED_OPCODES
from core.backbones.torch_reader import read_state_dict
from core.errors import BadInput

FLOATS = np.arange(24, dtype="<f4").reshape(2, 3, 4)
COUNT = np.array([7], "<i8")


def one_tensor(**bent: object) -> bytes:
    weights = pth.weights_pickle({"a": pth.tensor("k", FLOATS, **bent)})
    return pth.file_of(weights, {"k": FLOATS})


def test_arrays_come_back_bit_for_bit_under_their_names() -> None:
    read = read_state_dict(pth.whole_file({"conv.weight": FLOATS, "bn.count": COUNT}))
    assert list(read) == ["conv.weight", "bn.count"]
    np.testing.assert_array_equal(read["conv.weight"], FLOATS, strict=True)
    np.testing.assert_array_equal(read["bn.count"], COUNT, strict=True)


def test_a_transposed_window_is_read_through_its_strides() -> None:
    read = read_state_dict(one_tensor(offset=1, shape=(4, 2), strides=(1, 12)))
    np.testing.assert_array_equal(read["a"], [[1, 13], [2, 14], [3, 15], [4, 16]])


def test_two_windows_may_share_a_storage() -> None:
    named = {"a": pth.tensor("k", FLOATS), "b": pth.tensor("k", FLOATS, shape=(2,), strides=(1,))}
    read = read_state_dict(pth.file_of(pth.weights_pickle(named), {"k": FLOATS}))
    np.testing.assert_array_equal(read["b"], [0, 1])


def test_arrays_cannot_be_written_to() -> None:
    with pytest.raises(ValueError, match="read-only"):
        read_state_dict(pth.whole_file({"a": FLOATS}))["a"][0] = 1


@pytest.mark.parametrize(
    "bent",
    [
        {"offset": 1},
        {"offset": -1},
        {"offset": 24, "shape": (1,), "strides": (1,)},
        {"shape": (2, 3, 5)},
        {"shape": (25,), "strides": (1,)},
        {"shape": (2,), "strides": (24,)},
        {"shape": (2,), "strides": (-1,), "offset": 1},
        {"shape": (-1,), "strides": (1,)},
        {"shape": (2, 3)},
        {"shape": (0,), "strides": (1,)},
        {"shape": (1,) * 9, "strides": (1,) * 9},
        {"announced": 25},
        {"announced": 23},
        {"announced": -1},
        {"announced": 2**31 - 1},
    ],
    ids=str,
)
def test_a_tensor_outside_its_storage_is_refused(bent: dict[str, object]) -> None:
    with pytest.raises(BadInput):
        read_state_dict(one_tensor(**bent))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(pth.MAGIC, pth.VERSION, id="magic number"),
        pytest.param(pth.VERSION, b"\x80\x02M\xe8\x03.", id="format version"),
        pytest.param(b"little_endian\x88", b"little_endian\x89", id="byte order"),
        pytest.param(pth.MACHINE, b"\x80\x02].", id="machine that is a list"),
        pytest.param(b"_rebuild_tensor_v2", b"_rebuild_tensor_v9", id="another rebuild"),
        pytest.param(b"ctorch\nFloatStorage", b"ctorch\nHalfStorage_", id="another storage type"),
        pytest.param(b"ccollections\nOrderedDict", b"ccollections\nCounter____", id="another class"),
        pytest.param(pth.text("storage"), pth.text("module"), id="persistent id of a module"),
        pytest.param(pth.text("cpu"), pth.text("cuda:0"), id="location"),
        pytest.param(b"NtQ", b"\x88tQ", id="storage that is a view"),
        pytest.param(b"NtQ", b"tQ", id="short persistent id"),
        pytest.param(b"\x89" + pth.ORDERED_DICT, b"N" + pth.ORDERED_DICT, id="no requires_grad"),
        pytest.param(b"_metadata", b"_anything", id="another attribute"),
        pytest.param(pth.keys_pickle(["k"]), pth.keys_pickle(["x"]), id="unknown key"),
        pytest.param(pth.keys_pickle(["k"]), pth.keys_pickle([]), id="no keys"),
        pytest.param(pth.keys_pickle(["k"]), pth.keys_pickle(["k", "k"]), id="key twice"),
        pytest.param(pth.keys_pickle(["k"]), b"\x80\x02](]e.", id="key that is a list"),
        pytest.param(pth.raw_storage(FLOATS)[:8], b"\x19" + b"\0" * 7, id="length in the storage"),
        pytest.param(FLOATS.tobytes(), FLOATS.tobytes()[:-1], id="last byte missing"),
        pytest.param(FLOATS.tobytes(), FLOATS.tobytes() + b"\0", id="a byte too many"),
    ],
)
def test_a_bent_file_is_refused(old: bytes, new: bytes) -> None:
    whole = one_tensor()
    assert old in whole
    with pytest.raises(BadInput):
        read_state_dict(whole.replace(old, new))


def test_a_persistent_id_may_not_announce_two_storages() -> None:
    named = {"a": pth.tensor("k", FLOATS), "b": pth.tensor("k", FLOATS[0])}
    with pytest.raises(BadInput):
        read_state_dict(pth.file_of(pth.weights_pickle(named), {"k": FLOATS}))


@pytest.mark.parametrize("value", [b"K\x01", b"]", b"N", pth.storage("k", 24)])
def test_anything_but_a_tensor_under_a_name_is_refused(value: bytes) -> None:
    with pytest.raises(BadInput):
        read_state_dict(pth.file_of(pth.weights_pickle({"a": value}), {"k": FLOATS}))


def test_the_newer_zip_kind_is_named_as_such() -> None:
    with pytest.raises(BadInput) as caught:
        read_state_dict(b"PK\x03\x04" + b"\0" * 100)
    assert "zip" in caught.value.given


class Touch:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self.path}",)


@pytest.mark.parametrize("place", range(4))
def test_a_command_in_any_of_the_pickles_is_not_run(tmp_path: Path, place: int) -> None:
    marker = tmp_path / "ran"
    pickles = [pth.MAGIC, pth.VERSION, pth.MACHINE, pth.weights_pickle({})]
    pickles[place] = pickle.dumps(Touch(marker), 2)
    with pytest.raises(BadInput):
        read_state_dict(b"".join(pickles) + pth.keys_pickle([]))
    assert not marker.exists()


def test_every_way_of_cutting_a_file_short_is_refused() -> None:
    whole = one_tensor()
    for length in range(len(whole)):
        with pytest.raises(BadInput):
            read_state_dict(whole[:length])


def test_random_damage_gives_numbers_or_a_clear_error() -> None:
    whole = one_tensor()
    chance = random.Random(0)
    refused = 0
    for _ in range(3000):
        damaged = bytearray(whole)
        for _ in range(chance.randint(1, 3)):
            damaged[chance.randrange(len(whole))] = chance.randrange(256)
        try:
            read_state_dict(bytes(damaged))
        except BadInput:
            refused += 1
    assert refused > 1000


@pytest.mark.parametrize("name", LITE_SCALES)
def test_the_real_files_use_exactly_the_needed_opcodes(name: str) -> None:
    stream = BytesIO(BACKBONES[name].stored.path().read_bytes())
    steps = (step for _ in range(5) for step in pickletools.genops(stream))
    assert {opcode.code.encode("latin-1") for opcode, _arg, _pos in steps} == NEEDED_OPCODES


@pytest.mark.parametrize("name", LITE_SCALES)
def test_the_real_files_hold_the_original_number_of_parameters(name: str) -> None:
    published = {"efficientnet-lite0": 4_652_008, "efficientnet-lite1": 5_416_680,
                 "efficientnet-lite2": 6_092_072}
    state = read_state_dict(BACKBONES[name].stored.path().read_bytes())
    learned = [array.size for key, array in state.items() if not key.endswith(
        ("running_mean", "running_var", "num_batches_tracked"))]
    assert sum(learned) == published[name]
