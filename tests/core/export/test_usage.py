from __future__ import annotations

import ast
import zipfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image, ImageOps

from core.data.images import load_array
from core.export.formats import FORMATS, Format
from core.export.package import package, versions_for
from core.export.usage import example, labels_text, readme

EVERY = pytest.mark.parametrize("form", FORMATS.values(), ids=FORMATS)
FOREIGN = {"core", "thaw", "streamlit", "pages"}


@EVERY
def test_the_example_is_a_few_lines_of_python_without_thaw(form: Format) -> None:
    text = example(form, 224)
    tree = ast.parse(text)
    imported = {
        alias.name.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import)
        for alias in node.names
    }
    imported |= {
        str(node.module).split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)
    }
    assert not imported & FOREIGN
    done = [line for line in text.splitlines() if line and not line.startswith(("import ", "from "))]
    assert len(done) <= 17


def transparent(path: Path, mode: str) -> Path:
    """Write a picture whose left half is seen through, as cut-outs are."""
    picture = Image.new("RGBA", (16, 16), (200, 30, 60, 255))
    picture.paste((0, 0, 0, 0), (0, 0, 8, 16))
    picture.paste((0, 120, 0, 128), (8, 0, 12, 16))
    (picture.quantize(8) if mode == "P" else picture.convert(mode)).save(path)
    return path


@EVERY
@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "L", "1"])
def test_the_example_reads_a_picture_as_thaw_does(form: Format, mode: str, tmp_path: Path) -> None:
    photo = transparent(tmp_path / "photo.png", mode)
    lines = example(form, 8).splitlines()
    first = next(at for at, line in enumerate(lines) if line.startswith("photo = Image.open"))
    last = max(at for at, line in enumerate(lines) if ".resize(" in line)
    found = {"sys": SimpleNamespace(argv=["", str(photo)]), "Image": Image, "ImageOps": ImageOps, "np": np,
             "size": 8}
    exec("\n".join(lines[first : last + 1]), found)
    assert np.array_equal(np.asarray(found["photo"]), load_array(photo, 8))


@EVERY
def test_the_description_says_what_goes_in_and_what_comes_out(form: Format) -> None:
    text = readme(form, 224, 7, "20260101-1200-run", {"keras": "3.15.1"})
    assert f"{form.takes}, shape ({'1' if form.one_by_one else 'n'}, 224, 224, 3)" in text
    assert ", 7)" in text
    assert "pip install" in text
    assert "keras 3.15.1" in text


def test_a_name_with_a_line_break_stays_one_line() -> None:
    assert labels_text(("a\nb", "c\u2028d", "é\x85f")).split("\n") == ["a b", "c d", "é f"]


def test_a_package_has_the_model_and_all_that_it_needs(tmp_path: Path) -> None:
    folder = tmp_path / "made"
    (folder / "saved_model" / "variables").mkdir(parents=True)
    (folder / "saved_model" / "saved_model.pb").write_bytes(b"graph")
    (folder / "saved_model" / "variables" / "one").write_bytes(b"numbers")
    form = FORMATS["savedmodel"]
    package(form, folder, tmp_path / "made.zip", size=96, classes=("blau", "grün"), run_id="run-1")
    with zipfile.ZipFile(tmp_path / "made.zip") as archive:
        assert archive.testzip() is None
        assert sorted(archive.namelist()) == [
            "README.md", "example.py", "labels.txt", "saved_model/saved_model.pb",
            "saved_model/variables/one",
        ]
        assert archive.read("labels.txt").decode() == "blau\ngrün"
        assert archive.read("example.py").decode() == example(form, 96)


def test_versions_are_those_of_what_is_installed() -> None:
    found = versions_for(FORMATS["keras"])
    assert set(found) == {"Thaw", "tensorflow", "keras"}
