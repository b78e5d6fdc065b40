"""Read the plain data in a pickle without unpickling it.

The few opcodes that a weight file needs are carried out here on numbers, texts, lists, dicts and
tuples, and every other opcode is refused. Nothing is imported, no attribute is set, and only the
functions handed in are ever called. PyTorch reads untrusted files in the same way:
torch/_weights_only_unpickler.py. The opcodes' meaning: ``pickletools`` of the standard library.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import NoReturn

from core.errors import BadInput
from core.i18n import _

PROTOCOL = 2


@dataclass(frozen=True)
class GlobalName:
    """What a pickle calls by module and name; it stays a text and is never looked up."""

    text: str


def _nothing(_reference: object) -> NoReturn:
    raise refusal(_("a persistent id"))


@dataclass(frozen=True)
class Admitted:
    """What a pickle may name; everything else is refused.

    Attributes:
        makers: For each callable, as ``"module name"``, what is called in its stead.
        markers: Names that may be handed on as a :class:`GlobalName` but not called.
        persistent: Turns a persistent id into a value.
    """

    makers: Mapping[str, Callable[[tuple[object, ...]], object]] = field(default_factory=dict)
    markers: frozenset[str] = frozenset()
    persistent: Callable[[object], object] = _nothing


def refusal(found: str) -> BadInput:
    """Return the error for a file that holds ``found``."""
    return BadInput(
        _("The weight file holds something that plain weights do not need, and was not loaded."),
        given=found[:120],
        fix=_("Use a file that you trust, for instance by installing its package again."),
    )


def read_pickle(stream: BytesIO, admitted: Admitted) -> object:
    """Read one pickle and leave the stream behind it.

    Args:
        stream: Where the pickle starts; protocol 2.
        admitted: What it may name.

    Returns:
        None, a bool, int, str, list, dict with text keys, tuple, or what a maker returned.

    Raises:
        BadInput: An opcode, a name or a structure that is not admitted, or a pickle cut short.
    """
    machine = _Machine(admitted)
    while (code := _take(stream, 1)) != _STOP:
        if code not in _OPCODES:
            raise refusal(_("the opcode {code}").format(code=f"0x{code.hex()}"))
        read_argument, action = _OPCODES[code]
        action(machine, read_argument(stream))
    return machine.result()


def _take(stream: BytesIO, size: int) -> bytes:
    taken = stream.read(size)
    if len(taken) != size:
        raise BadInput(
            _("The weight file is damaged or cut short."),
            fix=_("Install the package that brings the file again."),
        )
    return taken


def _none(_stream: BytesIO) -> None:
    return None


def _unsigned(size: int) -> Callable[[BytesIO], int]:
    return lambda stream: int.from_bytes(_take(stream, size), "little")


def _signed_four(stream: BytesIO) -> int:
    return int(struct.unpack("<i", _take(stream, 4))[0])


def _long(stream: BytesIO) -> int:
    return int.from_bytes(_take(stream, _unsigned(1)(stream)), "little", signed=True)


def _text(stream: BytesIO) -> str:
    return _decoded(_take(stream, _unsigned(4)(stream)))


def _name(stream: BytesIO) -> str:
    module, name = stream.readline(), stream.readline()
    return f"{_decoded(module[:-1])} {_decoded(name[:-1])}"


def _decoded(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise refusal(_("a text that is no UTF-8")) from error


class _Machine:
    """The stack, the marks and the memo of one pickle."""

    def __init__(self, admitted: Admitted) -> None:
        self._admitted = admitted
        self._stack: list[object] = []
        self._marks: list[int] = []
        self._memo: dict[object, object] = {}

    def push(self, argument: object) -> None:
        self._stack.append(argument)

    def push_true(self, _argument: object) -> None:
        self._stack.append(True)

    def push_false(self, _argument: object) -> None:
        self._stack.append(False)

    def push_tuple(self, _argument: object) -> None:
        self._stack.append(())

    def push_list(self, _argument: object) -> None:
        self._stack.append([])

    def push_dict(self, _argument: object) -> None:
        self._stack.append({})

    def result(self) -> object:
        value = self._pop()
        if self._stack or self._marks:
            raise refusal(_("values left over"))
        return value

    def _pop(self) -> object:
        floor = self._marks[-1] if self._marks else 0
        if len(self._stack) <= floor:
            raise refusal(_("a value that is missing"))
        return self._stack.pop()

    def _pop_to_mark(self) -> list[object]:
        if not self._marks:
            raise refusal(_("a mark that is missing"))
        start = self._marks.pop()
        values = self._stack[start:]
        del self._stack[start:]
        return values

    def protocol(self, argument: object) -> None:
        if argument != PROTOCOL:
            raise refusal(_("pickle protocol {number}").format(number=argument))

    def mark(self, _argument: object) -> None:
        self._marks.append(len(self._stack))

    def remember(self, argument: object) -> None:
        value = self._pop()
        self._stack.append(value)
        self._memo[argument] = value

    def recall(self, argument: object) -> None:
        if argument not in self._memo:
            raise refusal(_("a reference to nothing"))
        self._stack.append(self._memo[argument])

    def tuple_to_mark(self, _argument: object) -> None:
        self._stack.append(tuple(self._pop_to_mark()))

    def tuple_of_one(self, _argument: object) -> None:
        self._stack.append((self._pop(),))

    def tuple_of_two(self, _argument: object) -> None:
        second, first = self._pop(), self._pop()
        self._stack.append((first, second))

    def extend(self, _argument: object) -> None:
        values = self._pop_to_mark()
        target = self._pop()
        if not isinstance(target, list):
            raise refusal(_("items for something that is no list"))
        target.extend(values)
        self._stack.append(target)

    def set_items(self, _argument: object) -> None:
        self._fill(self._pop_to_mark())

    def set_item(self, _argument: object) -> None:
        value, key = self._pop(), self._pop()
        self._fill([key, value])

    def _fill(self, pairs: list[object]) -> None:
        target = self._pop()
        if not isinstance(target, dict) or len(pairs) % 2:
            raise refusal(_("items for something that is no dictionary"))
        for key, value in zip(pairs[::2], pairs[1::2], strict=True):
            # NOTE: a nested tuple as a key can take exponential time to hash.
            if not isinstance(key, str) or key in target:
                raise refusal(_("a key that is no text, or one that is there twice"))
            target[key] = value
        self._stack.append(target)

    def name(self, argument: object) -> None:
        text = str(argument)
        if text not in self._admitted.makers and text not in self._admitted.markers:
            raise refusal(_("the name {name}").format(name=text))
        self._stack.append(GlobalName(text))

    def make(self, _argument: object) -> None:
        arguments, called = self._pop(), self._pop()
        if not isinstance(called, GlobalName) or not isinstance(arguments, tuple):
            raise refusal(_("a call of something that is no function"))
        maker = self._admitted.makers.get(called.text)
        if maker is None:
            raise refusal(_("a call of {name}").format(name=called.text))
        self._stack.append(maker(arguments))

    def refer(self, _argument: object) -> None:
        self._stack.append(self._admitted.persistent(self._pop()))

    def drop_state(self, _argument: object) -> None:
        # PyTorch hangs the version of each layer on its dictionary; weights do not need it.
        state = self._pop()
        target = self._pop()
        if not isinstance(target, dict) or not isinstance(state, dict):
            raise refusal(_("a state for an object"))
        if set(state) != {"_metadata"}:
            raise refusal(_("a state for an object"))
        self._stack.append(target)


_STOP = b"."
_OPCODES: dict[bytes, tuple[Callable[[BytesIO], object], Callable[[_Machine, object], None]]] = {
    b"\x80": (_unsigned(1), _Machine.protocol),
    b"N": (_none, _Machine.push),
    b"\x88": (_none, _Machine.push_true),
    b"\x89": (_none, _Machine.push_false),
    b"K": (_unsigned(1), _Machine.push),
    b"M": (_unsigned(2), _Machine.push),
    b"J": (_signed_four, _Machine.push),
    b"\x8a": (_long, _Machine.push),
    b"X": (_text, _Machine.push),
    b")": (_none, _Machine.push_tuple),
    b"]": (_none, _Machine.push_list),
    b"}": (_none, _Machine.push_dict),
    b"(": (_none, _Machine.mark),
    b"q": (_unsigned(1), _Machine.remember),
    b"r": (_unsigned(4), _Machine.remember),
    b"h": (_unsigned(1), _Machine.recall),
    b"j": (_unsigned(4), _Machine.recall),
    b"t": (_none, _Machine.tuple_to_mark),
    b"\x85": (_none, _Machine.tuple_of_one),
    b"\x86": (_none, _Machine.tuple_of_two),
    b"e": (_none, _Machine.extend),
    b"s": (_none, _Machine.set_item),
    b"u": (_none, _Machine.set_items),
    b"c": (_name, _Machine.name),
    b"R": (_none, _Machine.make),
    b"Q": (_none, _Machine.refer),
    b"b": (_none, _Machine.drop_state),
}
NEEDED_OPCODES = frozenset(_OPCODES) | {_STOP}
