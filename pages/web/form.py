"""The one file of a form (multipart/form-data) that is in memory; its parser is python-multipart's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from core.errors import BadInput
from core.i18n import _

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

MOST_PARTS = 9
_LONGEST_HEAD = 8192


def file_of_form(content_type: str, body: bytes) -> bytes:
    """Return the file of a form, whatever its field is called; other fields are passed over.

    Args:
        content_type: The request's header, with the boundary.
        body: The whole form, of a bounded size.

    Returns:
        The file's bytes; empty where the form has no file.

    Raises:
        BadInput: The form is damaged or not whole, or has several files or too many fields.
    """
    boundary = parse_options_header(content_type)[1].get(b"boundary")
    if not boundary:
        raise BadInput(_("This form does not say what divides its parts."))
    parts = _Parts()
    try:
        parser = MultipartParser(boundary, parts.callbacks())
        parser.write(body)
        parser.finalize()
    except FormParserError as error:
        raise BadInput(_("This form is damaged.")) from error
    if not parts.whole:
        raise BadInput(_("This form is cut short."))
    return bytes(parts.file or b"")


class _Parts:
    """What is told of a form part by part.

    Attributes:
        file: The file's bytes; ``None`` while there is none.
        whole: Whether the form has come to its end.
    """

    def __init__(self) -> None:
        self.file: bytearray | None = None
        self.whole = False
        self._count = 0
        self._name = self._value = b""
        self._is_file = False
        self._head = 0

    def callbacks(self) -> MultipartCallbacks:
        """Return what the parser tells it by."""
        return {
            "on_part_begin": self._begin, "on_header_field": self._field, "on_header_value": self._said,
            "on_header_end": self._header, "on_part_data": self._data, "on_end": self._end,
        }

    def _begin(self) -> None:
        self._count += 1
        self._is_file, self._head = False, 0
        if self._count > MOST_PARTS:
            raise BadInput(
                _("This form has too many fields."), fix=_("Send nothing but the image."))

    def _field(self, data: bytes, start: int, end: int) -> None:
        self._name += self._of_head(data, start, end)

    def _said(self, data: bytes, start: int, end: int) -> None:
        self._value += self._of_head(data, start, end)

    def _of_head(self, data: bytes, start: int, end: int) -> bytes:
        self._head += end - start
        if self._head > _LONGEST_HEAD:
            raise BadInput(_("This form is damaged."))
        return data[start:end]

    def _header(self) -> None:
        says_what_it_is = self._name.lower() == b"content-disposition"
        if says_what_it_is and b"filename" in parse_options_header(self._value)[1]:
            self._is_file = True
            if self.file is not None:
                raise BadInput(
                    _("This form has several files."), fix=_("Send one image with each request."))
            self.file = bytearray()
        self._name = self._value = b""

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._is_file and self.file is not None:
            self.file += data[start:end]

    def _end(self) -> None:
        self.whole = True
