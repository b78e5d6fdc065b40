from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from core.errors import BadInput, Unavailable
from core.export import formats
from core.export.formats import FORMATS, format_named, install_line, missing, require

LISTED = Path(__file__).resolve().parents[3] / "requirements-export.txt"


def test_a_form_that_is_not_known_is_refused_with_those_that_are() -> None:
    with pytest.raises(BadInput) as refused:
        format_named("../onnx")
    assert all(name in refused.value.fix for name in FORMATS)


def test_a_form_whose_package_is_missing_says_which_one_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    there = importlib.util.find_spec
    monkeypatch.setattr(
        formats.importlib.util, "find_spec", lambda name: None if name == "tf2onnx" else there(name))
    assert missing(FORMATS["onnx"]) == ("tf2onnx",)
    with pytest.raises(Unavailable) as refused:
        require(FORMATS["onnx"])
    assert "pip install tf2onnx" in refused.value.fix
    require(FORMATS["litert"])


def test_one_line_installs_all_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats.importlib.util, "find_spec", lambda _name: None)
    assert install_line(missing(FORMATS["onnx"])) == "pip install tf2onnx onnx onnxruntime"


def test_what_a_form_needs_is_listed_among_the_optional_packages() -> None:
    listed = {line.split(">")[0] for line in LISTED.read_text(encoding="utf-8").splitlines() if ">" in line}
    assert {name for form in FORMATS.values() for name, _module in form.packages} <= listed


def test_forms_of_less_precision_may_differ_by_more() -> None:
    order = ["keras", "litert", "litert-float16", "litert-int8"]
    allowed = [FORMATS[name].difference for name in order]
    assert allowed == sorted(allowed)
    assert len(set(allowed)) == len(order)
