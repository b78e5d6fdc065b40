from __future__ import annotations

import re
import shutil
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from page_view import HOSTILE, PATIENCE_S, RunMaker, Visitor, html_texts, labels, page, press, words
from starlette.routing import Route

from core.data.dataset import Dataset
from core.errors import BadInput
from core.export import formats
from core.export.package import versions_for
from core.export.verify import MADE_UP, Verified
from core.jobs import Progress
from core.runs import studied
from core.runs.folder import RunFolder
from core.runs.status import State
from core.studies.exporting import export_file
from core.workspace import Workspace
from pages.ui import take_away_formats, take_away_run
from pages.web.routes import routes

VERIFIED = Verified("test", 40, 39, 0.25, 30, 31, 0.004, 0.012, 4_000_000, True)


def keep(folder: RunFolder, name: str, verified: Verified = VERIFIED) -> None:
    file = export_file(folder, name)
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(b"zip")
    studied.keep_record(folder, f"export-{name}", {"verified": verified.to_json(), "made_s": 1.5})


def all_here(monkeypatch: pytest.MonkeyPatch, *lacking: str) -> None:
    """Let all optional packages be installed but for some."""
    monkeypatch.setattr(
        formats.importlib.util, "find_spec", lambda name: None if name in lacking else object())


def wait_for_studies(visitor: Visitor) -> None:
    until = time.monotonic() + PATIENCE_S
    while any(each.state == "running" for each in visitor.service.studies.snapshots()):
        assert time.monotonic() < until, "a study does not end"
        time.sleep(0.02)


def table(html: list[str]) -> str:
    found = [each for each in html if "thaw-choices" in each]
    assert len(found) == 1
    return found[0]


def test_without_a_model_the_page_is_closed_but_a_run_can_be_taken_in(visitor: Visitor) -> None:
    at = visitor.open("take_away")
    assert labels(at) == ["Go to Data"]
    assert [each.label for each in at.expander] == ["Take in a run from another computer"]
    assert page(press(at, "Go to Data")) == "Data"


def test_the_model_comes_first_with_lines_that_ask_it(visitor: Visitor, make_run: RunMaker) -> None:
    run = make_run()
    at = visitor.open("take_away")
    assert at.link_button[0].label.startswith("Download model.keras")
    assert at.link_button[0].url == f"/thaw/runs/{run.id}/model.keras"
    compile(at.code[0].value, "usage", "exec")


def test_each_form_can_be_made_by_itself_or_all_at_once(
    visitor: Visitor, make_run: RunMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    all_here(monkeypatch)
    make_run()
    made: list[str] = []

    def export(_workspace: Workspace, folder: RunFolder, names: list[str], _progress: Progress) -> None:
        made.extend(names)
        for name in names:
            keep(folder, name)

    monkeypatch.setattr(take_away_formats, "export_apart", export)
    at = visitor.open("take_away")
    assert labels(at)[:2] == ["Make all that are missing", "Make Keras"]
    press(at, "Make LiteRT")
    wait_for_studies(visitor)
    at = visitor.open("take_away")
    assert made == ["litert"]
    assert [each.label for each in at.link_button if "LiteRT" in each.label] == ["Download LiteRT"]
    assert "Make ONNX" in labels(at)


def test_a_form_that_was_made_is_linked_and_its_figures_say_on_what(
    visitor: Visitor, make_run: RunMaker
) -> None:
    run = make_run()
    keep(run, "onnx")
    at = visitor.open("take_away")
    (link,) = [each for each in at.link_button if each.label == "Download ONNX"]
    served = [each for each in routes() if isinstance(each, Route)]
    assert next(each for each in served if each.path_regex.match(link.url)).path.endswith("{name}.zip")
    row = table(html_texts(at))
    for figure in ("4 MB", "39 of 40", "0.250", "75.0%", "4.0 ms", "12.0 ms"):
        assert figure in row
    assert "Measured on 40 test photos" in words(at)
    assert "differs from Keras." not in words(at)


def test_a_form_that_differs_too_much_says_so_plainly(visitor: Visitor, make_run: RunMaker) -> None:
    keep(make_run(), "litert-int8", replace(VERIFIED, same=20, agrees=False))
    said = words(visitor.open("take_away"))
    assert "LiteRT int8 differs from Keras. The class is another for 20 of 40 photos" in said


def test_what_was_not_measured_on_photos_is_not_available_and_not_zero(
    visitor: Visitor, make_run: RunMaker
) -> None:
    keep(make_run(), "onnx", replace(
        VERIFIED, split=MADE_UP, right=None, keras_right=None, agrees=None))
    at = visitor.open("take_away")
    assert "not available" in table(html_texts(at))
    assert "40 made-up pictures" in words(at)
    assert "that a form runs, not that it agrees" in words(at)


def test_forms_compared_on_other_photos_are_told_of_apart(visitor: Visitor, make_run: RunMaker) -> None:
    run = make_run()
    keep(run, "onnx")
    keep(run, "litert")
    keep(run, "savedmodel", replace(VERIFIED, images=30, same=30, right=20, keras_right=20))
    said = words(visitor.open("take_away"))
    assert said.count("Measured on 40 test photos") == 1
    assert said.count("Measured on 30 test photos") == 1
    assert "Keras gets 77.5%" in said
    assert "Keras gets 66.7%" in said


def test_a_missing_package_is_named_and_its_form_has_no_button(
    visitor: Visitor, make_run: RunMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    all_here(monkeypatch, "onnxruntime")
    make_run()
    at = visitor.open("take_away")
    assert "pip install onnxruntime" in words(at)
    assert "Make ONNX" not in labels(at)
    assert "Make LiteRT" in labels(at)


def test_a_form_that_is_impossible_for_this_network_says_why(visitor: Visitor, make_run: RunMaker) -> None:
    run = make_run()
    error = BadInput("This network cannot be written as LiteRT.", given="<b>Erfc</b> ![x](http://x)")
    versions = versions_for(formats.FORMATS["litert"])
    studied.keep_record(run, "export-litert", {"failed": error.to_json(), "versions": versions})
    at = visitor.open("take_away")
    assert "This network cannot be written as LiteRT. <b>Erfc</b>" in words(at)
    assert not [each for each in html_texts(at) if "<b>Erfc" in each]
    assert "Make LiteRT" not in labels(at)
    assert "Try LiteRT again" in labels(at)


def test_while_all_are_made_those_that_are_can_be_downloaded(
    visitor: Visitor, make_run: RunMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    all_here(monkeypatch)
    make_run()
    seen, goes_on = threading.Event(), threading.Event()

    def export(_workspace: Workspace, folder: RunFolder, names: list[str], _progress: Progress) -> None:
        keep(folder, names[0])
        goes_on.set()
        seen.wait(PATIENCE_S)

    monkeypatch.setattr(take_away_formats, "export_apart", export)
    press(visitor.open("take_away"), "Make all that are missing")
    assert goes_on.wait(PATIENCE_S)
    at = visitor.open("take_away")
    seen.set()
    assert "Download Keras" in [each.label for each in at.link_button]
    assert not [each for each in labels(at) if each.startswith("Make ") and "report" not in each]
    wait_for_studies(visitor)


def test_the_run_is_offered_with_its_photos_and_without(
    visitor: Visitor, make_run: RunMaker, dataset: Dataset
) -> None:
    run = make_run()
    links = {each.label: each.url for each in visitor.open("take_away").link_button}
    assert links["Download the run without its photos"] == f"/thaw/runs/{run.id}/run.zip"
    with_photos = re.compile(r"Download it with its 16 photos \(.+\)")
    (photos,) = [url for label, url in links.items() if with_photos.fullmatch(label)]
    assert photos == f"/thaw/runs/{run.id}/run.zip?photos=1"


def test_a_run_whose_photos_are_gone_says_so_and_offers_none(
    visitor: Visitor, make_run: RunMaker, dataset: Dataset
) -> None:
    make_run(test=True)
    shutil.rmtree(dataset.folder)
    at = visitor.open("take_away")
    assert "photos are no longer in this workspace" in words(at)
    assert not [each for each in at.link_button if "photos (" in each.label]


def test_a_stopped_run_can_be_taken_away(visitor: Visitor, make_run: RunMaker) -> None:
    make_run(State.STOPPED)
    at = visitor.open("take_away")
    assert "Download the run without its photos" in [each.label for each in at.link_button]


def test_a_hostile_dataset_shows_as_text(visitor: Visitor, make_run: RunMaker, hostile: Dataset) -> None:
    make_run(of=hostile)
    at = visitor.open("take_away")
    assert not [each for each in html_texts(at) if HOSTILE in each]


def test_a_run_is_taken_in_by_its_path_and_looked_at(
    visitor: Visitor, make_run: RunMaker, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first = make_run()
    asked: list[tuple[Path, str]] = []

    def take_in(
        _workspace: Workspace, source: Path, by: str, _progress: Progress, **_named: str
    ) -> RunFolder:
        asked.append((source, by))
        return first

    make_run()
    monkeypatch.setattr(take_away_run, "take_in_apart", take_in)
    at = visitor.open("take_away")
    assert "Take it in" not in labels(at)
    at.text_input(key="run-path").set_value(str(tmp_path / "run.zip")).run()
    press(at, "Take it in")
    wait_for_studies(visitor)
    at.run()
    assert asked[0][0] == tmp_path / "run.zip"
    assert page(at) == "Take away"
