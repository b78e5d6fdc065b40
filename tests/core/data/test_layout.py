from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.data import layout
from core.data.layout import Place, arrange, clean_class, clean_name, ignored, unsafe

UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def classes(*names: str) -> dict[str, str]:
    return {name: place.class_name for name, place in arrange(names).places.items()}


def splits(*names: str) -> dict[str, str | None]:
    return {name: place.split for name, place in arrange(names).places.items()}


def test_one_sub_folder_a_class() -> None:
    assert classes("cat/1.jpg", "dog/2.jpg") == {"cat/1.jpg": "cat", "dog/2.jpg": "dog"}


def test_deeper_folders_belong_to_their_class() -> None:
    assert classes("cat/a/b/1.jpg", "dog/2.jpg")["cat/a/b/1.jpg"] == "cat"


@pytest.mark.parametrize("wrapping", ["photos/", "a/b/c/", "test/", "Train me/"])
def test_wrapping_folders_are_unwrapped(wrapping: str) -> None:
    names = [f"{wrapping}cat/1.jpg", f"{wrapping}dog/2.jpg"]
    assert classes(*names) == {names[0]: "cat", names[1]: "dog"}
    assert not arrange(names).own_split


def test_a_readme_beside_or_in_the_wrapping_folder_is_refused_and_changes_nothing() -> None:
    names = ["README.txt", "photos/LICENSE", "photos/cat/1.jpg", "photos/dog/2.jpg"]
    arranged = arrange(names)
    assert {place.class_name for place in arranged.places.values()} == {"cat", "dog"}
    assert set(arranged.refused) == {"README.txt", "photos/LICENSE"}
    assert "no class folder" in arranged.refused["README.txt"]


def test_a_single_class_folder_stays_a_class() -> None:
    assert classes("cat/1.jpg", "cat/2.jpg") == {"cat/1.jpg": "cat", "cat/2.jpg": "cat"}
    assert classes("cat/1.jpg", "cat/more/2.jpg")["cat/more/2.jpg"] == "cat"


def test_pictures_in_no_folder_are_refused() -> None:
    arranged = arrange(["1.jpg", "cat/2.jpg", "dog/3.jpg"])
    assert arranged.refused == {"1.jpg": "It is in no class folder."}


@pytest.mark.parametrize("val", ["val", "valid", "validation", "Validation", "VAL"])
def test_a_ready_made_split_is_recognised(val: str) -> None:
    names = ["Train/cat/1.jpg", "Train/dog/2.jpg", f"{val}/cat/3.jpg", "TEST/dog/4.jpg"]
    arranged = arrange(names)
    assert arranged.own_split
    assert arranged.places[names[2]] == Place("cat", "validation")
    assert arranged.places[names[3]] == Place("dog", "test")


def test_a_wrapped_ready_made_split_is_recognised() -> None:
    assert splits("set/train/cat/1.jpg", "set/val/cat/2.jpg") == {
        "set/train/cat/1.jpg": "train",
        "set/val/cat/2.jpg": "validation",
    }


def test_training_images_alone_are_a_split_too() -> None:
    assert splits("train/cat/1.jpg", "train/dog/2.jpg") == {
        "train/cat/1.jpg": "train",
        "train/dog/2.jpg": "train",
    }


def test_what_is_outside_a_ready_made_split_is_refused() -> None:
    names = ["train/cat/1.jpg", "test/cat/2.jpg", "notes/n.txt", "train/loose.jpg", "r.txt"]
    refused = arrange(names).refused
    assert set(refused) == {"notes/n.txt", "train/loose.jpg", "r.txt"}
    assert refused["train/loose.jpg"] == "It is in no class folder."


def test_a_split_without_class_folders_is_not_taken_for_two_classes() -> None:
    assert not arrange(["train/1.jpg", "test/2.jpg"]).places


def test_a_class_may_be_called_train() -> None:
    assert classes("train/ice/1.jpg", "bus/2.jpg", "car/3.jpg")["train/ice/1.jpg"] == "train"


def test_class_names_that_differ_by_normalisation_or_space_only_are_one_class() -> None:
    composed, decomposed = "caf\u00e9/1.jpg", "cafe\u0301 /2.jpg"
    assert set(classes(composed, decomposed, "tea/3.jpg").values()) == {"caf\u00e9", "tea"}


def test_what_cannot_be_shown_is_taken_out_of_class_names() -> None:
    assert clean_class("a\x00b\u202ec\ud800 \n") == "abc"
    assert clean_class("\u0645\u06cc\u200c\u062e") == "\u0645\u06cc\u200c\u062e"
    arranged = arrange(["\u202e/1.jpg", "dog/1.jpg", "cat/1.jpg"])
    assert arranged.refused == {"\u202e/1.jpg": "The name of its class folder is empty."}


@pytest.mark.parametrize(
    "name",
    [
        "__MACOSX/cat/._1.jpg",
        "cat/.DS_Store",
        ".git/config",
        "cat/Thumbs.db",
        "cat/THUMBS.DB",
        "desktop.ini",
        "cat/.hidden/1.jpg",
    ],
)
def test_what_systems_leave_behind_is_ignored(name: str) -> None:
    assert ignored(name)


def test_ordinary_files_are_not_ignored() -> None:
    assert ignored("cat/1.jpg") is None
    assert ignored("cat.d/thumbs.db.jpg") is None


@pytest.mark.parametrize(
    "raw",
    [
        "/etc/passwd",
        "../x.jpg",
        "cat/../../x.jpg",
        "cat\\..\\..\\x.jpg",
        "\\\\server\\share\\x.jpg",
        "C:\\x.jpg",
        "c:x.jpg",
        "C:/cat/x.jpg",
        "cat/.. /x.jpg",
        "a/" * 100 + "x.jpg",
        "x" * 300 + ".jpg",
    ],
)
def test_names_that_lead_elsewhere_are_unsafe(raw: str) -> None:
    assert unsafe(raw)


@pytest.mark.parametrize("raw", ["cat/1.jpg", "cat\\1.jpg", "./cat/1.jpg", "cat/..1.jpg", "a...b/c"])
def test_plain_relative_names_are_safe(raw: str) -> None:
    assert unsafe(raw) is None


@UNHURRIED
@given(st.text(max_size=60))
def test_a_clean_name_is_a_harmless_relative_path(raw: str) -> None:
    name = clean_name(raw)
    assert not name.startswith("/")
    assert "\\" not in name
    assert all(part not in ("", ".") for part in name.split("/")) or not name
    name.encode("utf-8")
    assert clean_name(name) == name


PARTS = st.sampled_from(["cat", "dog", "train", "Val", "test", "photos", "1.jpg", "2.png", "x.txt"])


@UNHURRIED
@given(st.lists(st.lists(PARTS, min_size=1, max_size=5).map("/".join), unique=True, max_size=12))
def test_every_file_has_a_place_or_a_reason_and_never_both(names: list[str]) -> None:
    arranged = arrange(names)
    assert sorted([*arranged.places, *arranged.refused]) == sorted(names)
    for place in arranged.places.values():
        assert (place.split is not None) == arranged.own_split
        assert place.class_name


def test_the_words_for_splits_are_those_documented() -> None:
    assert set(layout.SPLIT_NAMES.values()) == {"train", "validation", "test"}
