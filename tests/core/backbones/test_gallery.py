from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from core.backbones import gallery
from core.backbones.catalogue import BACKBONES, get
from core.backbones.gallery import ORDERS, chosen, families

NAMES = list(BACKBONES)


def names(*given: str, **named: object) -> list[str]:
    return [each.name for each in chosen(*given, **named)]  # type: ignore[arg-type]


def test_unless_asked_all_are_shown_as_the_catalogue_has_them() -> None:
    assert names() == NAMES
    assert names(order="listed") == NAMES


@pytest.mark.parametrize("order", ORDERS)
def test_an_order_hides_none(order: str) -> None:
    assert sorted(names(order=order)) == sorted(NAMES)


@pytest.mark.parametrize("order", ["parameters", "multiply_adds"])
def test_sizes_go_from_small_to_large(order: str) -> None:
    found = [getattr(each, order) for each in chosen(order=order)]  # type: ignore[arg-type]
    assert found == sorted(found)
    assert found[0] < found[-1]


def test_accuracies_go_from_the_best_and_what_is_not_known_comes_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    unknown = ("efficientnet-lite0", "xception")
    monkeypatch.setattr(gallery, "BACKBONES", {
        name: replace(each, imagenet_top1=None) if name in unknown else each
        for name, each in BACKBONES.items()
    })
    found = chosen(order="accuracy")
    known = [each.imagenet_top1 for each in found if each.imagenet_top1 is not None]
    assert known == sorted(known, reverse=True)
    assert found[0].imagenet_top1 == max(known)
    assert [each.imagenet_top1 for each in found[len(known):]] == [None] * (len(found) - len(known))
    assert {each.name for each in found[len(known):]} >= set(unknown)


def test_speeds_go_from_the_fastest_measured_and_the_others_stay_in_order_behind() -> None:
    measured = {"vgg16": 3.0, "mobilenetv2": 40.0, "resnet50": 11.0}
    found = names(order="speed", images_per_s=measured)
    assert found[:3] == ["mobilenetv2", "resnet50", "vgg16"]
    assert found[3:] == [name for name in NAMES if name not in measured]
    assert names(order="speed") == NAMES


def test_names_go_by_the_alphabet_whatever_their_case() -> None:
    titles = [each.title.lower() for each in chosen(order="name")]
    assert titles == sorted(titles)
    assert titles != [each.title.lower() for each in BACKBONES.values()]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("ResNet-50 v2", ["resnet50v2"]), ("resnet_50", ["resnet50", "resnet50v2"]),
        ("VGG", ["vgg16", "vgg19"]), ("  vgg   16 ", ["vgg16"]), ("16 vgg", ["vgg16"]),
        ("lite", ["efficientnet-lite0", "efficientnet-lite1", "efficientnet-lite2"]),
        ("inception resnet", ["inceptionresnetv2"]), ("vgg mobile", []), ("none such", []),
        ("<b>", []), ("", NAMES), ("  ", NAMES), ("-", NAMES),
    ],
)
def test_each_word_must_be_somewhere(words: str, found: list[str]) -> None:
    assert names(words) == found


def test_families_are_each_there_once_and_in_order() -> None:
    assert families()[0] == "EfficientNet-Lite"
    assert len(set(families())) == len(families())
    assert set(families()) == {each.family for each in BACKBONES.values()}


def test_the_families_make_the_whole() -> None:
    assert [name for family in families() for name in names(family=family)] == NAMES
    assert names(family="VGG") == ["vgg16", "vgg19"]
    assert names("19", family="VGG") == ["vgg19"]
    assert names("19", family="ResNet") == []


def test_only_those_are_ready_whose_weights_are_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    lites = [name for name in NAMES if "lite" in name]
    assert names(ready_only=True) == lites
    path = tmp_path / "keras" / "models" / get("vgg16").stored.file
    path.parent.mkdir(parents=True)
    path.write_bytes(b"there")
    assert names(ready_only=True) == [*lites, "vgg16"]
    assert names(family="VGG", ready_only=True) == ["vgg16"]
