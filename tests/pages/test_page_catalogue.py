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


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "start", "data", "model",
        "train",
        "evaluate", "predict", "compare", "experiments", "workspace",
    ],
)
def test_every_text_on_a_page_comes_from_the_catalogue(bare: Bare, name: str) -> None:
    assert {visit: texts for visit, texts in bare.items() if visit.split(",")[0] == name} == {}
