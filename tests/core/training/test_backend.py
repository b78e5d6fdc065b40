from __future__ import annotations

import subprocess
import sys

import pytest

from tests.serving import ROOT

NOISE = (
    "WARNING: All log messages before absl::InitializeLog() is called are written to STDERR",
    "I0000 00:00:1795505607.569120   13871 port.cc:153] oneDNN custom operations are on.",
    "E0000 00:00:1795505610.821370   13871 cuda_platform.cc:52] failed call to cuInit: INTERNAL",
    "To enable the following instructions: AVX2 FMA, in other operations, rebuild TensorFlow",
)


def said(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return done.stderr


def test_only_the_lines_of_a_start_are_dropped() -> None:
    code = f"""
import os, sys
from core.training.backend import _without_start_lines
with _without_start_lines():
    os.write(2, {chr(10).join((*NOISE, "a word of warning", ""))!r}.encode())
    print("a word of ours", file=sys.stderr)
print("afterwards", file=sys.stderr)
"""
    assert said(code).splitlines() == ["a word of warning", "a word of ours", "afterwards"]


@pytest.mark.slow
def test_tensorflow_starts_in_silence() -> None:
    code = """
from core.training.backend import load_tensorflow
load_tensorflow()
load_tensorflow()
import keras, numpy
model = keras.Sequential([keras.layers.Dense(3)])
model.predict(numpy.zeros((2, 2)), verbose=0)
"""
    assert said(code) == ""
