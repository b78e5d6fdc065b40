"""The code of a run on the Take away page: offered, then shown with its download and what it cannot do."""

from __future__ import annotations

import time

import pytest
from page_view import HOSTILE, PATIENCE_S, RunMaker, Visitor, calm, labels, markdown_texts, press, words
from streamlit.testing.v1 import AppTest

from core.data.dataset import Dataset
from core.export.script_facts import Body
from core.runs.folder import RunFolder
from core.runs.status import State
from core.studies import asking, scripting
from core.training.plan import Plan
from pages.web.scripts import script_url

WRITE = "Write the script"


def script_page() -> None:
    from core.runs.listing import listed
    from pages.ui import state
    from pages.ui.take_away_script import script_part

    script_part(listed(state.workspace())[0])


@pytest.fixture
def run(make_run: RunMaker, hostile: Dataset, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    """A stopped run whose backbone Keras gives; names from outside try to be more than text."""
    monkeypatch.setattr(scripting, "_backbone", lambda *_given: None)
    monkeypatch.setattr(scripting, "body_of", lambda _plan, _body: Body("ResNet50"))
    return make_run(State.STOPPED, of=hostile, plan=Plan(hostile.id, hostile.title, "resnet50"), kept=1)


def shown() -> AppTest:
    return calm(AppTest.from_function(script_page, default_timeout=PATIENCE_S).run())


def wait(visitor: Visitor, run: RunFolder) -> None:
    """Wait until the writing that was begun has ended."""
    for _each in range(PATIENCE_S * 100):
        job = asking.latest(visitor.service.studies, run.id, "script")
        if job is not None and job.state != asking.RUNNING:
            return
        time.sleep(0.01)
    raise AssertionError("the writing did not end")


def test_a_script_is_written_when_it_is_asked_for_and_shown_from_then_on(
    visitor: Visitor, run: RunFolder
) -> None:
    at = shown()
    assert not at.code
    press(at, WRITE)
    wait(visitor, run)
    at = shown()
    made = scripting.kept_script(run)
    assert made is not None
    assert [each.value.rstrip("\n") for each in at.code] == [made.text.rstrip("\n")]
    assert WRITE not in labels(at)
    said = words(at)
    assert "The run was left after 2 of 10 planned epochs" in said
    assert "train.py, photos.csv, requirements.txt, README.md" in said
    links = [each.proto.url for each in at.main if each.type == "link_button"]
    assert links == [script_url(run.id)]
    assert HOSTILE not in "".join(text for field, text in markdown_texts(at) if not field.startswith("code"))


def test_why_a_script_cannot_be_written_is_said(visitor: Visitor, run: RunFolder, hostile: Dataset) -> None:
    hostile.folder.rename(visitor.workspace.bin / hostile.id)
    press(shown(), WRITE)
    wait(visitor, run)
    at = shown()
    assert "photos that this run learned from are not in this workspace" in at.error[0].value
    assert WRITE in labels(at)
