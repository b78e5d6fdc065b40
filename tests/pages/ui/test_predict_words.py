from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.insight.answering import Said
from core.insight.metrics import share
from core.insight.sureness import Sureness
from pages.ui import predict_curl
from pages.ui.predict_curl import curl_line
from pages.ui.predict_pile import Photo, Pile
from pages.ui.predict_table import rows_of
from pages.ui.predict_threshold import Judging, meaning_text


def test_the_line_for_programs_is_one_that_a_shell_takes_whole() -> None:
    start = 'curl -F file=@photo.jpg "http://127.0.0.1:8501/api/runs/20250101-a/predict?top=5&threshold='
    for how, end in ((Judging(0.8), '0.8"'), (Judging(), '0"'), (Judging(0.25, 1.7), '0.25&calibrated=1"')):
        assert curl_line("http://127.0.0.1:8501", "20250101-a", how) == start + end


@pytest.mark.parametrize(("page", "server"), [
    ("http://localhost:8616/predict", "http://localhost:8616"),
    ("https://127.0.0.1/predict", "https://127.0.0.1"),
    ("http://evil.example/predict", None), ("http://localhost:1;rm/predict", None),
    ("javascript://localhost/", None), (None, None), (5, None)])
def test_only_an_address_of_this_server_is_shown(page: object, server: str | None) -> None:
    assert predict_curl._server(page) == (server or f"http://127.0.0.1:{predict_curl._port()}")


def test_what_a_threshold_means_is_one_sentence() -> None:
    answered, right = share(84, 100), share(80, 84)
    assert answered is not None
    assert meaning_text(0.8, Sureness(answered, right)) == (
        "At 0.80 it answers 84.0% of the 100 validation photos; of these 95.2% are right (95% interval "
        "88.4% to 98.1%).")
    none = share(0, 1234)
    assert none is not None
    assert meaning_text(1.0, Sureness(none, None)) == (
        "At 1.00 it answers 0.0% of the 1,234 validation photos.")


def test_what_the_browser_sent_is_on_the_disk_until_nobody_needs_it() -> None:
    pile = Pile()
    pile.bring("../../a.jpg", b"one")
    pile.bring("../../a.jpg", b"two")
    files = [photo.file for photo in pile.photos.values()]
    assert [each.read_bytes() for each in files] == [b"one", b"two"]
    assert {each.parent for each in files} == {files[0].parent}
    del pile
    assert not files[0].parent.exists()


def test_the_same_photo_is_on_the_pile_once() -> None:
    pile = Pile()
    pile.add([Photo("a", "a", Path("a")), Photo("b", "b", Path("b"))])
    pile.add([Photo("a2", "again", Path("a"))])
    assert [photo.key for photo in pile.photos.values()] == ["a2", "b"]


def test_no_two_piles_call_two_photos_the_same() -> None:
    piles = Pile(), Pile()
    for pile in piles:
        pile.bring("a.jpg", b"one")
        pile.bring("a.jpg", b"one")
    assert len({photo.key for pile in piles for photo in pile.photos.values()}) == 4


def test_a_temperature_changes_how_sure_and_so_what_is_named() -> None:
    from pages.ui.predict_answers import Answers

    photo = Photo("a", "a.jpg", Path("a"))
    found = Answers(("run", "model"), said={"a": Said(np.array([0.9, 0.1], np.float32))}, classes=("x", "y"))
    for temperature, says in ((1.0, "x"), (3.0, "not sure")):
        (row,) = rows_of([photo], found, Judging(0.85, temperature))
        assert row.says == says
        assert row.found[0].name == "x"
