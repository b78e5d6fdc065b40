from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest
from streamlit.runtime.scriptrunner import script_runner
from streamlit.testing.v1 import AppTest

from pages.web.launch import leave_keras_alone

# Taken while tests are collected: one that starts the app's lifespan replaces it for the process.
ORIGINAL = script_runner._clean_problem_modules


@pytest.fixture
def cleared(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Notes each time somebody clears Keras' state."""
    noted: list[str] = []
    keras: Any = SimpleNamespace(backend=SimpleNamespace(clear_session=lambda: noted.append("cleared")))
    monkeypatch.setitem(sys.modules, "keras", keras)
    monkeypatch.setattr(script_runner, "_clean_problem_modules", ORIGINAL)
    return noted


def run_a_page() -> None:
    AppTest.from_string("import streamlit as st; st.write('a page')", default_timeout=60).run()


def test_streamlit_by_itself_clears_keras_after_each_page(cleared: list[str]) -> None:
    run_a_page()
    assert cleared != [], "Streamlit no longer does it: leave_keras_alone can go"


def test_a_page_leaves_the_state_of_a_running_training_alone(cleared: list[str]) -> None:
    leave_keras_alone()
    run_a_page()
    assert cleared == []
