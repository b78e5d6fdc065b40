from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest

from core.experiments.experiment import Experiment
from core.training.plan import Plan
from pages.ui.experiment_table import csv_text, file_stem


def read(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "  =1+1"])
def test_a_cell_that_a_spreadsheet_would_compute_becomes_text(cell: str) -> None:
    assert read(csv_text([{"what": cell}]))[1] == [f"'{cell}"]


def test_numbers_stay_numbers_and_what_is_not_known_is_empty() -> None:
    text = csv_text([{"what": "Head only", "accuracy": 0.812, "change": -0.5, "logme": None}])
    assert read(text) == [["what", "accuracy", "change", "logme"], ["Head only", "0.812", "-0.5", ""]]


def test_commas_quotes_and_lines_stay_within_their_cell() -> None:
    assert read(csv_text([{"what": 'a, "b"\nc', "n": 1.0}]))[1] == ['a, "b"\nc', "1.0"]


def test_no_rows_are_an_empty_table() -> None:
    assert csv_text([]).strip() == ""


@pytest.mark.parametrize(
    ("title", "stem"),
    [("Clothing, small", "thaw-seeds-clothing-small"), ("../../etc/passwd", "thaw-seeds-etc-passwd"),
     ("日本", "thaw-seeds"), ('"><img>\n.exe', "thaw-seeds-img-exe")],
)
def test_a_files_name_is_safe_whatever_the_photos_are_called(title: str, stem: str) -> None:
    plan = replace(Plan("photos", "", "efficientnet-lite0"), dataset_title=title)
    assert file_stem(Experiment("e", "seeds", "", plan, (), 0.0, "", None)) == stem
