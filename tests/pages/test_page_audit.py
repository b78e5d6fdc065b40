from __future__ import annotations

import re
import time
from dataclasses import replace
from typing import Any

import pytest
from page_view import PATIENCE_S, RunMaker, Visitor, calm, component, components, labels, press, words
from streamlit.testing.v1 import AppTest

from core.data import marks
from core.data.dataset import Dataset, Item
from core.data.marks import BAD, KEEP, WRONG, Mark, marks_of, set_mark
from core.insight.audit import Audit, Mislabelled, Strange, Twins
from core.runs import studied
from core.runs.folder import RunFolder
from core.studies import asking
from core.studies.auditing import NAME
from core.training.plan import Plan
from core.training.start import RANDOM, Start
from pages.ui import evaluate_audit
from pages.ui.audit_pairs import BOTH, FIRST_OUT, SECOND_OUT, SECOND_WRONG


def keep(run: RunFolder, dataset: Dataset) -> Audit:
    """Let an audit have found three pairs, two labels and one photo unlike the others."""
    items = [dataset.of_split("test")[0], *dataset.of_split("train")]
    first = items[0]
    other = next(item for item in items[1:] if item.label != first.label)
    same = [item for item in items[1:] if item is not other]
    found = Audit(
        len(dataset.items),
        (
            Twins(first.path, other.path, 0.95, 0.999),
            Twins(same[0].path, same[1].path, 0.9, 0.991), Twins(same[2].path, same[3].path, 0.9, 0.99),
        ),
        3, 1, 0.987,
        (
            Mislabelled(first.path, other.label, 0.05, 0.9, _another(items, first).path, other.path),
            Mislabelled(same[0].path, 1 - same[0].label, 0.1, 0.8, None, None),
        ),
        2, len(dataset.items), 0.75,
        (Strange(same[1].path, False, 0.6, 0.3, _another(items, same[1]).path, None),), 1,
    )
    studied.keep_record(run, NAME, {"features": "start", "dataset": dataset.id, "found": found.to_json()})
    return found


def _another(items: list[Item], item: Item) -> Item:
    """Return another photo of the same class."""
    return next(each for each in items if each.label == item.label and each != item)


def shown(visitor: Visitor, kind: str | None = None) -> AppTest:
    at = visitor.open("evaluate")
    at.session_state["evaluate_view"] = "audit"
    at = calm(at.run())
    if kind is not None:
        choice = next(each for each in at.get("button_group") if str(each.key).startswith("audit-kind-"))
        at.session_state[choice.key] = kind
        at = calm(at.run())
    return at


def pairs(at: AppTest) -> list[Any]:
    return [each for each in at.get("button_group") if str(each.key).startswith("pair-")]


def choose(at: AppTest, pair: Any, choice: str) -> AppTest:
    return calm(pair.set_value(choice).run())


def test_before_the_photos_were_looked_through_the_page_offers_it_and_then_does_it(
    visitor: Visitor, dataset: Dataset, make_run: RunMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(test=True)
    monkeypatch.setattr(
        evaluate_audit, "audit_of_run", lambda _workspace, folder, _progress: keep(folder, dataset))
    at = shown(visitor)
    assert "Looks through all 16 photos of this run" in words(at)
    assert "which has not learned from these labels" in words(at)
    press(at, "Look through the photos")
    for _each in range(PATIENCE_S * 100):
        now = asking.latest(visitor.service.studies, run.id, NAME)
        if now is not None and now.state != asking.RUNNING:
            break
        time.sleep(0.01)
    at = calm(at.run())
    assert "Look through the photos" not in labels(at)
    assert "16 photos looked at." in words(at)


def test_the_view_opens_at_the_first_kind_of_which_something_was_found(
    visitor: Visitor, dataset: Dataset, make_run: RunMaker
) -> None:
    run = make_run(test=True)
    found = replace(keep(run, dataset), twins=(), twins_found=0, across=0)
    studied.keep_record(run, NAME, {"features": "start", "dataset": dataset.id, "found": found.to_json()})
    at = shown(visitor)
    assert "A linear model that had not learned from the photo" in words(at)
    assert "Near-duplicates (0)" in str(at.get("button_group"))


def test_pairs_stand_side_by_side_with_their_splits_and_labels(
    visitor: Visitor, dataset: Dataset, make_run: RunMaker
) -> None:
    run = make_run(test=True)
    found = keep(run, dataset)
    at = shown(visitor)
    said = words(at)
    known = {item.path: item for item in dataset.items}
    first, second = known[found.twins[0].first], known[found.twins[0].second]
    assert "1 of the pairs is across splits" in said
    assert "the pictures agree to 0.999, their features to 0.95" in said
    assert "agree to 0.987 or more" in said
    assert re.search(f"test photo ?, labelled {dataset.classes[first.label]}", said)
    assert re.search(f"training photo ?, labelled {dataset.classes[second.label]}", said)
    assert len(pairs(at)) == 3
    assert len(pairs(at)[0].options) == 5, "of two labels one may be wrong"


def test_a_photo_of_a_pair_that_is_gone_is_said_to_be(
    visitor: Visitor, dataset: Dataset, make_run: RunMaker
) -> None:
    found = keep(make_run(test=True), dataset)
    assert "gone" not in words(shown(visitor))
    (dataset.folder / found.twins[0].second).unlink()
    assert words(shown(visitor)).count("Its file is gone.") == 1


def test_a_photo_in_question_or_beside_one_that_is_gone_is_said_to_be(
    visitor: Visitor, dataset: Dataset, make_run: RunMaker
) -> None:
    first, second = keep(make_run(test=True), dataset).mislabelled
    assert first.near_other is not None
    for path in (first.near_other, second.image):
        (dataset.folder / path).unlink()
    cards = component(shown(visitor, "labels"), f"audit-labels-cards-{dataset.id}")["photos"]
    photos = [photo for card in cards for photo in (card, *card["companions"])]
    said = {photo["image"]: photo["gone"] for photo in photos}
    assert said == {
        first.image: "", first.near_other: "Its file is gone.", first.near_label: "",
        second.image: "Its file is gone.",
    }


def test_of_many_copies_the_page_says_that_not_every_pair_is_told(
    visitor: Visitor, dataset: Dataset, make_run: RunMaker
) -> None:
    run = make_run(test=True)
    found = keep(run, dataset)
    assert "not every pair" not in words(shown(visitor))
    first, *others = dataset.of_split("train")
    twins = tuple(Twins(first.path, other.path, 0.9, 0.99) for other in others[:3])
    found = replace(found, twins=twins, across=0)
    studied.keep_record(run, NAME, {"features": "start", "dataset": dataset.id, "found": found.to_json()})
    at = shown(visitor)
    assert "Near-duplicates (3+)" in str(at.get("button_group"))
    assert "so of many copies not every pair is told" in words(at)


def test_what_is_said_of_a_pair_is_kept_and_can_be_taken_back(
    visitor: Visitor, dataset: Dataset, make_run: RunMaker
) -> None:
    found = keep(make_run(test=True), dataset)
    pair = found.twins[0]
    at = shown(visitor)
    at = choose(at, pairs(at)[0], SECOND_OUT)
    assert dict(marks_of(dataset.folder)) == {pair.second: Mark(BAD)}
    assert pairs(at)[0].value == SECOND_OUT
    assert "1 bad photo" in words(at)
    assert "Train again on the new version" in labels(at)
    at = choose(at, pairs(at)[0], SECOND_WRONG)
    truth = dataset.classes[next(item.label for item in dataset.items if item.path == pair.first)]
    assert dict(marks_of(dataset.folder)) == {pair.second: Mark(WRONG, truth)}
    calm(pairs(at)[0].set_value(None).run())
    assert dict(marks_of(dataset.folder)) == {}


def test_a_choice_leaves_the_mark_of_the_other_photo_as_it_is(
    visitor: Visitor, dataset: Dataset, make_run: RunMaker
) -> None:
    pair = keep(make_run(test=True), dataset).twins[0]
    set_mark(dataset, pair.second, Mark(KEEP))
    at = shown(visitor)
    choose(at, pairs(at)[0], FIRST_OUT)
    assert dict(marks_of(dataset.folder)) == {pair.first: Mark(BAD), pair.second: Mark(KEEP)}


def test_what_is_kept_is_not_proposed_again_unless_it_is_asked_for(
    visitor: Visitor, dataset: Dataset, make_run: RunMaker
) -> None:
    found = keep(make_run(test=True), dataset)
    at = shown(visitor)
    at = choose(at, pairs(at)[0], BOTH)
    assert len(pairs(at)) == 2
    (toggle,) = at.toggle
    assert toggle.label == "Show 1 that you keep"
    at = calm(toggle.set_value(True).run())
    assert len(pairs(at)) == 3
    at = shown(visitor, "labels")
    cards = component(at, f"audit-labels-cards-{dataset.id}")["photos"]
    assert [each["image"] for each in cards] == [found.mislabelled[1].image]


def test_labels_in_question_are_cards_that_say_what_the_photo_looks_like(
    visitor: Visitor, dataset: Dataset, make_run: RunMaker
) -> None:
    found = keep(make_run(test=True), dataset)
    at = shown(visitor, "labels")
    cards = component(at, f"audit-labels-cards-{dataset.id}")["photos"]
    first = found.mislabelled[0]
    truth = dataset.classes[next(item.label for item in dataset.items if item.path == first.image)]
    other = dataset.classes[first.looks_like]
    assert cards[0]["label"] == f"looks like {other}, 90%, test photo, labelled {truth}"
    assert cards[0]["instead"] == first.looks_like
    beside = [(each["image"], "".join(text for text, _strong in each["said"]))
              for each in cards[0]["companions"]]
    assert beside == [
        (first.near_other, f"nearest labelled {other}"), (first.near_label, f"nearest labelled {truth}")]
    assert cards[1]["companions"] == [], "there may be none to compare with"
    assert "agrees with 75.0% of 16 labels" in words(at)
    assert "confident learning" in words(at)


def test_photos_unlike_the_others_say_how_far_they_are(
    visitor: Visitor, dataset: Dataset, make_run: RunMaker
) -> None:
    found = keep(make_run(test=True), dataset)
    at = shown(visitor, "strange")
    (card,) = component(at, f"audit-strange-cards-{dataset.id}")["photos"]
    assert card["image"] == found.strange[0].image
    assert "distance 0.60, usually 0.30" in card["label"]
    truth = dataset.classes[next(item.label for item in dataset.items if item.path == card["image"])]
    (typical,) = card["companions"]
    assert typical["image"] == found.strange[0].typical
    assert typical["said"] == [["typical of ", False], [truth, True]]
    assert "Tukey" in words(at)
    assert "its 10 nearest photos" in words(at)
    assert "one of fewer than 8 is looked at among all photos only" in words(at)


def test_findings_are_shown_page_by_page_and_a_mark_on_the_last_leads_back(
    visitor: Visitor, dataset: Dataset, make_run: RunMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluate_audit, "PAIRS_A_PAGE", 2)
    keep(make_run(test=True), dataset)
    at = shown(visitor)
    assert len(pairs(at)) == 2
    at.session_state[f"audit-twins-{dataset.id}"] = 2
    at = calm(at.run())
    assert len(pairs(at)) == 1
    at = choose(at, pairs(at)[0], BOTH)
    assert len(pairs(at)) == 2


def test_of_a_run_from_scratch_the_page_says_that_its_own_features_judge(
    visitor: Visitor, dataset: Dataset, make_run: RunMaker
) -> None:
    plan = Plan(dataset.id, dataset.title, "efficientnet-lite0", weights=Start(RANDOM))
    make_run(test=True, plan=plan)
    assert "because it started from random weights" in words(shown(visitor))


def test_where_nothing_is_found_the_page_says_so(
    visitor: Visitor, dataset: Dataset, make_run: RunMaker
) -> None:
    run = make_run(test=True)
    found = replace(
        keep(run, dataset), twins=(), twins_found=0, across=0, mislabelled=(), mislabelled_found=0, asked=0,
        right=None, strange=(), strange_found=0)
    studied.keep_record(run, NAME, {"features": "start", "dataset": dataset.id, "found": found.to_json()})
    assert "No two photos are nearly the same." in words(shown(visitor))
    at = shown(visitor, "labels")
    assert "The labels could not be judged" in words(at)
    assert not components(at)
    assert "No photo is far from all others." in words(shown(visitor, "strange"))


def test_names_from_outside_stay_text(visitor: Visitor, hostile: Dataset, make_run: RunMaker) -> None:
    found = keep(make_run(test=True, of=hostile), hostile)
    at = shown(visitor)
    choices = [each.content for each in pairs(at)[0].proto.options]
    assert all("![" not in each and "**" not in each for each in choices)
    at = choose(at, pairs(at)[0], SECOND_WRONG)
    assert marks.of_items(hostile)[found.twins[0].second].verdict == WRONG
