from __future__ import annotations

import io
import subprocess
import sys

import pytest
from PIL import Image

from core.data.previews import preview


@pytest.mark.parametrize("sample", ["digits", "textile"])
def test_a_packaged_sample_shows_four_different_pictures(sample: str) -> None:
    pictures = preview(sample, 48)
    assert len(set(pictures)) == 4
    assert {Image.open(io.BytesIO(each)).size for each in pictures} == {(48, 48)}


def test_a_sample_that_must_be_downloaded_has_none() -> None:
    assert preview("flowers") == []


def test_the_first_page_does_not_import_what_a_sample_needs() -> None:
    code = (
        "import sys; from core.data.previews import preview; preview('digits'); preview('textile');"
        "sys.exit(any(name in sys.modules for name in ('sklearn', 'conformal_clip_data')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
