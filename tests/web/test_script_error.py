from __future__ import annotations

import logging

import pytest

from core.errors import BadInput
from pages.web.script_error import describe


def test_an_error_meant_for_people_is_shown_with_outside_text_made_harmless() -> None:
    text = describe(BadInput("The zip is broken.", given="![x](http://evil/t.png)", fix="Make it."))
    assert "The zip is broken" in text
    assert "Make it" in text
    assert "![x](" not in text


def test_any_other_error_shows_a_reference_and_keeps_its_words_to_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.ERROR):
        text = describe(ValueError("secret /home/me/file"))
    assert "secret" not in text
    assert "/home" not in text
    reference = caplog.records[-1].getMessage().split()[-1]
    assert reference in text
    assert "secret /home/me/file" in caplog.text
