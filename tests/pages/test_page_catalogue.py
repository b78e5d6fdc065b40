from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
Bare = dict[str, list[str]]


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Bare:
    """Texts that were shown without being looked up, by page and state."""
    path = os.pathsep.join([str(ROOT), str(HERE)])
    done = subprocess.run(
        [sys.executable, str(HERE / "marked_pages.py"), str(tmp_path_factory.mktemp("marked"))],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return dict(json.loads(done.stdout))


SETTINGS = "the settings card shows a plan's values, such as avg and none, in place of their labels"


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "start", "data", "model",
        pytest.param("train", marks=pytest.mark.xfail(strict=True, reason=SETTINGS)),
        "evaluate", "predict",
    ],
)
def test_every_text_on_a_page_comes_from_the_catalogue(bare: Bare, name: str) -> None:
    assert {visit: texts for visit, texts in bare.items() if visit.split(",")[0] == name} == {}
