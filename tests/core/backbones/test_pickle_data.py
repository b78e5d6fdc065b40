from __future__ import annotations

import os
import pickle
import pickletools
from io import BytesIO
from pathlib import Path

import legacy_pth as pth
import pytest

from core.backbones.pickle_data import NEEDED_OPCODES, Admitted, read_pickle
from core.errors import BadInput

NOTHING = Admitted()


class Touch:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self.path}",)


class WithState:
    def __getstate__(self) -> dict[str, int]:
        return {"x": 1}


@pytest.mark.parametrize(
    "value",
    [None, True, False, 0, -5, 70_000, 2**70, "ä text", (), (1,), (1, 2), (1, 2, (3, 4, 5, 6)),
     [1, 2], {"a": [1, 2], "b": {"c": None}}],
)
def test_plain_values_come_back_as_they_were(value: object) -> None:
    if value == (1, 2, (3, 4, 5, 6)):
        value = (1, (2, (3, 4, 5, 6)))
    assert read_pickle(BytesIO(pickle.dumps(value, 2)), NOTHING) == value


def test_the_stream_is_left_behind_the_pickle() -> None:
    stream = BytesIO(pickle.dumps([1, 2], 2) + b"rest")
    read_pickle(stream, NOTHING)
    assert stream.read() == b"rest"


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_command_is_refused_and_not_run(tmp_path: Path, protocol: int) -> None:
    marker = tmp_path / "ran"
    data = pickle.dumps(Touch(marker), protocol)
    with pytest.raises(BadInput):
        read_pickle(BytesIO(data), NOTHING)
    assert not marker.exists()
    pickle.loads(data)
    assert marker.exists(), "the pickle must be one that a plain unpickler would run"


def test_the_error_names_what_was_found() -> None:
    with pytest.raises(BadInput) as caught:
        read_pickle(BytesIO(b"\x80\x02cos\nsystem\nX\x02\x00\x00\x00ls\x85R."), NOTHING)
    assert "os system" in caught.value.given
    with pytest.raises(BadInput) as caught:
        read_pickle(BytesIO(b"\x80\x02" + pth.text("os") + pth.text("system") + b"\x93."), NOTHING)
    assert "0x93" in caught.value.given


MADE = Admitted(makers={"m make": list}, markers=frozenset({"m mark"}))


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"cbuiltins\neval\n" + pth.text("1") + b"\x85R", id="builtins.eval"),
        pytest.param(pth.text("builtins") + pth.text("eval") + b"\x93", id="STACK_GLOBAL"),
        pytest.param(b"(i" + b"os\nsystem\n", id="INST"),
        pytest.param(b"(cos\nsystem\n" + pth.text("ls") + b"o", id="OBJ"),
        pytest.param(b"cm\nmake\n)\x81", id="NEWOBJ"),
        pytest.param(b"\x82\x01", id="EXT1"),
        pytest.param(b"Pname\n", id="PERSID"),
        pytest.param(b"cm\nmark\n)R", id="call of a marker"),
        pytest.param(b"cm\nother\n", id="another name of an admitted module"),
        pytest.param(b"cm.make\nx\n", id="a dotted name"),
        pytest.param(pth.text("m make") + b")R", id="call of a text"),
        pytest.param(b"cm\nmake\n]R", id="call with a list"),
        pytest.param(b"cm\nmake\n)R}" + pth.text("__class__") + b"K\x01sb", id="state for a made value"),
        pytest.param(b"cm\nmark\n}" + pth.text("_metadata") + b"Nsb", id="state for a name"),
        pytest.param(b"}}" + pth.text("__setstate__") + b"K\x01sb", id="__setstate__ for a dict"),
        pytest.param(b"}]b", id="state that is a list"),
        pytest.param(b"K\x01Q", id="persistent id without a reader for it"),
        pytest.param(b"}K\x01K\x02s", id="number as a key"),
        pytest.param(b"}" + pth.text("a") + b"K\x01s" + pth.text("a") + b"K\x02s", id="key twice"),
        pytest.param(b"}(" + pth.text("a") + b"u", id="key without a value"),
        pytest.param(b"K\x01" + pth.text("a") + b"K\x01s", id="item for a number"),
        pytest.param(b"}(K\x01e", id="append to a dict"),
        pytest.param(b"h\x07", id="memo that was never set"),
        pytest.param(b"t", id="tuple without a mark"),
        pytest.param(b"K\x01(\x85", id="value from below a mark"),
        pytest.param(b"K\x01K\x02", id="two values at the end"),
        pytest.param(b"(K\x01", id="open mark at the end"),
        pytest.param(b"", id="nothing at the end"),
    ],
)
def test_what_plain_data_does_not_need_is_refused(body: bytes) -> None:
    with pytest.raises(BadInput):
        read_pickle(BytesIO(b"\x80\x02" + body + b"."), MADE)


def test_admitted_names_are_called_in_their_stead() -> None:
    assert read_pickle(BytesIO(b"\x80\x02cm\nmake\nK\x01\x85R."), MADE) == [1]


def test_objects_with_a_state_are_refused() -> None:
    with pytest.raises(BadInput):
        read_pickle(BytesIO(pickle.dumps(WithState(), 2)), NOTHING)


@pytest.mark.parametrize(
    "data",
    [b"", b"\x80", b"\x80\x02", b"\x80\x02K", b"\x80\x02X\xff\xff\xff\xffab", b"\x80\x02cos"],
)
def test_a_pickle_that_is_cut_short_is_refused(data: bytes) -> None:
    with pytest.raises(BadInput):
        read_pickle(BytesIO(data), NOTHING)


def test_a_huge_memo_number_costs_nothing() -> None:
    assert read_pickle(BytesIO(b"\x80\x02K\x07r\xff\xff\xff\xff."), NOTHING) == 7


def test_keys_that_would_take_forever_to_hash_are_refused() -> None:
    nested = b"K\x01" + b"q\x00h\x00\x86" * 100
    with pytest.raises(BadInput):
        read_pickle(BytesIO(b"\x80\x02}" + nested + b"Ns."), NOTHING)


def test_texts_that_are_no_utf8_are_refused() -> None:
    for body in (b"X\x02\x00\x00\x00\xff\xfe", b"c\xff\nsystem\n"):
        with pytest.raises(BadInput):
            read_pickle(BytesIO(b"\x80\x02" + body + b"."), NOTHING)


def test_no_needed_opcode_looks_up_code() -> None:
    running = {"STACK_GLOBAL", "INST", "OBJ", "NEWOBJ", "NEWOBJ_EX", "EXT1", "EXT2", "EXT4", "PERSID"}
    codes = {opcode.code.encode("latin-1") for opcode in pickletools.opcodes if opcode.name in running}
    assert len(codes) == len(running)
    assert NEEDED_OPCODES.isdisjoint(codes)
