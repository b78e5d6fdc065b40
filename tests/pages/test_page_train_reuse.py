"""The reuse of the frozen part on the Train page: set up, watched, and told afterwards."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from typing import Any

import pytest
from page_view import RunMaker, Visitor, blocks, calm, component, html_texts, labels, press, words
from streamlit.testing.v1 import AppTest

from core.activations import budget
from core.activations.budget import Usage
from core.backbones import catalogue
from core.data.dataset import Dataset
from core.errors import Unavailable
from core.runs.runner import RunnerSnapshot
from core.runs.status import State
from core.training import fields, known_rows
from core.training.events import CacheUse
from core.training.plan import Plan, Recipe
from core.training.speed import Anchor, Measured, machine

GB = 10**9
LIGHT = Recipe(augment="light")
LAST = ("block7", "top")
EXTRACTING: dict[str, Any] = {
    "phase": "extracting", "extracted": 412, "to_extract": 2530, "images_per_s": 88.2, "eta_s": 21.0,
    "history": [],
}
TRAINING: dict[str, Any] = {"phase": "training", "epoch": 3, "epochs": 10}


class Kept:
    """Stands for what is kept on the disk."""

    def __init__(self) -> None:
        self.usage = Usage(0, 0, 10 * GB)
        self.broken = False

    def set_budget(self, _workspace: object, amount: int) -> int:
        if self.broken:
            raise Unavailable("The disk cannot be written.")
        freed = max(0, self.usage.bytes - amount)
        self.usage = replace(self.usage, bytes=self.usage.bytes - freed, budget=amount)
        return freed

    def clear(self, _workspace: object) -> int:
        freed = self.usage.bytes - self.usage.in_use
        self.usage = replace(self.usage, bytes=self.usage.in_use)
        return freed


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> Kept:
    made = Kept()
    monkeypatch.setattr(budget, "usage", lambda _workspace: made.usage)
    monkeypatch.setattr(budget, "budget_of", lambda _workspace: made.usage.budget)
    monkeypatch.setattr(budget, "set_budget", made.set_budget)
    monkeypatch.setattr(budget, "clear", made.clear)
    return made


@pytest.fixture
def measured(visitor: Visitor) -> None:
    """The backbone has been measured here, at a second a photo."""
    names = catalogue.get("efficientnet-lite0").block_names
    anchors = tuple(Anchor(each, 1.0, 2 * 10**8) for each in ((), names[-2:], names))
    Measured(
        "efficientnet-lite0", 224, 32, 1.0, 1.0, 1.0, 1.0, 1.0, 10**8, anchors, machine(), 0.0,
    ).save(visitor.workspace)


def rows(at: AppTest) -> list[list[str]]:
    """Return the table of what each choice costs, cell by cell; empty where there is none."""
    found = [each for each in html_texts(at) if "thaw-choices" in each]
    assert len(found) <= 1
    return [
        [html.unescape(cell) for cell in re.findall(r"<t[hd][^>]*>([^<]*)", row)]
        for row in re.findall(r"<tr.*?</tr>", "".join(found))
    ]


def choice(at: AppTest, key: str) -> Any:
    return next((each for each in at.button_group if each.key == key), None)


def plan_of(dataset: Dataset, **changes: Any) -> Plan:
    return Plan(dataset.id, dataset.title, "efficientnet-lite0", LAST, **changes)


def test_views_are_offered_only_with_augmentation(visitor: Visitor, dataset: Dataset) -> None:
    at = visitor.open("train", dataset=dataset.id)
    assert choice(at, "views") is None
    choice(at, "augment").set_value("light").run()
    shown = choice(calm(at), "views")
    assert shown.label == fields.VIEWS.title
    assert shown.options == ["Fresh every epoch", "2", "4", "8"]
    assert shown.value == 4
    assert shown.help == fields.VIEWS.help


def test_the_number_of_views_is_kept_and_found_again(visitor: Visitor, dataset: Dataset) -> None:
    at = visitor.open("train", dataset=dataset.id, recipe=LIGHT)
    choice(at, "views").set_value(0).run()
    assert visitor.draft.recipe == replace(LIGHT, views=0)
    assert choice(visitor.open("train"), "views").value == 0
    choice(at, "augment").set_value("none").run()
    choice(at, "augment").set_value("strong").run()
    assert visitor.draft.recipe.views == 0, "switching augmentation off and on forgets nothing"


def test_each_number_of_views_says_what_it_costs(
    visitor: Visitor, dataset: Dataset, measured: None
) -> None:
    train, others = len(dataset.of_split("train")), len(dataset.items) - len(dataset.of_split("train"))
    at = visitor.open("train", dataset=dataset.id, recipe=LIGHT, trainable=LAST)
    head, fresh, two, four, eight = rows(at)
    assert head == ["Views", "Photos it sees", "Its time", "Disk"]
    plain = 10 * (train + len(dataset.of_split("validation"))) + len(dataset.of_split("test"))
    assert fresh[:2] == ["Fresh every epoch", f"{plain}"]
    assert fresh[3] == "none"
    assert [two[1], four[1]] == [f"{2 * train + others}", f"{4 * train + others}"]
    assert all(each[2].startswith("≈ ") for each in (fresh, two, four, eight))
    assert four[3].endswith(" MB")
    assert "the frozen part sees every photo in every epoch" in words(at)


def test_what_was_seen_in_earlier_runs_costs_nothing_again(
    visitor: Visitor, dataset: Dataset, measured: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = len(dataset.of_split("train"))
    needed = {views: (views - 1) * train + len(dataset.items) for views in (0, 2, 4, 8)}
    monkeypatch.setattr(
        known_rows, "found", lambda _workspace, plan, _dataset: min(needed[4], needed[plan.recipe.views]))
    _, _, two, four, eight = rows(visitor.open("train", dataset=dataset.id, recipe=LIGHT, trainable=LAST))
    assert two[1:3] == four[1:3] == ["0", "none"]
    assert eight[1] == f"{needed[8] - needed[4]}"


def test_the_chosen_number_of_views_stands_out(visitor: Visitor, dataset: Dataset) -> None:
    at = visitor.open("train", dataset=dataset.id, recipe=replace(LIGHT, views=3), trainable=LAST)
    assert [row[0] for row in rows(at)] == ["Views", "Fresh every epoch", "2", "3", "4", "8"]
    table = next(each for each in html_texts(at) if "thaw-choices" in each)
    assert re.findall(r'aria-current="true"><th scope="row">([^<]*)', table) == ["3"]


def test_a_backbone_that_was_not_measured_has_no_time(visitor: Visitor, dataset: Dataset) -> None:
    at = visitor.open("train", dataset=dataset.id, recipe=LIGHT, trainable=LAST)
    assert {row[2] for row in rows(at)[1:]} == {"not measured"}
    assert "time not measured on this computer" in words(at)


@pytest.mark.parametrize(
    "choices",
    [{"cache": False}, {"trainable": catalogue.get("efficientnet-lite0").block_names}],
    ids=["switched off", "all learns"],
)
def test_where_nothing_can_be_reused_no_costs_are_compared(
    visitor: Visitor, dataset: Dataset, choices: dict[str, Any]
) -> None:
    at = visitor.open("train", dataset=dataset.id, recipe=LIGHT, **choices)
    assert choice(at, "views") is not None
    assert rows(at) == []


def test_what_will_happen_is_said_before_the_start(
    visitor: Visitor, dataset: Dataset, measured: None
) -> None:
    at = visitor.open("train", dataset=dataset.id, trainable=LAST)
    assert re.search(
        r"The network stays frozen up to Block 6\. Each photo passes the frozen part once: "
        rf"{len(dataset.items)} photos, about \d+ kB on disk, about \d+ s\.", words(at),
    )
    assert "from a measurement on this computer." in words(at), "the estimate stays"


def test_with_views_each_view_passes_once(visitor: Visitor, dataset: Dataset) -> None:
    count = len(dataset.items) + 3 * len(dataset.of_split("train"))
    said = words(visitor.open("train", dataset=dataset.id, recipe=LIGHT))
    assert "The whole backbone stays frozen." in said
    assert f"passes the frozen part in 4 views, each once: {count} views, about " in said


@pytest.mark.parametrize(
    ("choices", "reason"),
    [
        ({"cache": False}, "Reusing the frozen part is switched off."),
        ({"recipe": replace(LIGHT, views=0)}, "Every epoch sees a fresh view of each photo"),
    ],
)
def test_why_the_plain_way_is_taken_is_said_before_the_start(
    visitor: Visitor, dataset: Dataset, choices: dict[str, Any], reason: str
) -> None:
    said = words(visitor.open("train", dataset=dataset.id, trainable=LAST, **choices))
    assert f"The textbook way: {reason}" in said
    assert "stays frozen up to" not in said


def test_more_than_may_be_kept_is_said_before_the_start(
    visitor: Visitor, dataset: Dataset, kept: Kept
) -> None:
    kept.usage = Usage(0, 0, 50_000)
    said = words(visitor.open("train", dataset=dataset.id, trainable=LAST))
    assert "That is more than the 50 kB that may be kept; you can allow more above." in said


def test_reuse_can_be_switched_off_and_on(visitor: Visitor, dataset: Dataset) -> None:
    at = visitor.open("train", dataset=dataset.id, recipe=LIGHT, trainable=LAST)
    assert "Reuse of the frozen part" in [each.label for each in blocks(at) if each.type == "expander"]
    assert at.toggle(key="cache").value is True
    calm(at.toggle(key="cache").set_value(False).run())
    assert visitor.draft.cache is False
    assert rows(at) == [], "what stands above the switch follows it at once"
    assert "switched off" in words(at)
    at = visitor.open("train")
    assert at.toggle(key="cache").value is False
    at.toggle(key="cache").set_value(True).run()
    assert visitor.draft.cache is True


def test_a_run_starts_with_the_reuse_and_the_views_that_were_chosen(
    visitor: Visitor, dataset: Dataset
) -> None:
    at = visitor.open("train", dataset=dataset.id, recipe=replace(LIGHT, views=2), cache=False)
    press(at, "Start training")
    (run,) = visitor.workspace.runs.iterdir()
    found = Plan.load(run / "plan.json")
    assert (found.recipe.views, found.cache) == (2, False)


def test_what_reuse_is_and_that_removing_it_costs_only_time_is_said(
    visitor: Visitor, dataset: Dataset
) -> None:
    assert "Removing it costs only time" in words(visitor.open("train", dataset=dataset.id))


def test_how_much_is_kept_of_how_much_may_be_is_shown(
    visitor: Visitor, dataset: Dataset, kept: Kept
) -> None:
    assert "Nothing is kept yet. Up to 10 GB may be." in words(visitor.open("train", dataset=dataset.id))
    kept.usage = Usage(1_200_000_000, 0, 10 * GB)
    said = words(visitor.open("train"))
    assert "Kept: 1.2 GB of 10 GB." in said
    assert "that part stays" not in said


def test_the_part_in_use_is_named_and_stays(visitor: Visitor, dataset: Dataset, kept: Kept) -> None:
    kept.usage = Usage(3 * GB, 1 * GB, 10 * GB)
    at = visitor.open("train", dataset=dataset.id)
    assert "A run uses 1 GB of it just now; that part stays." in words(at)
    press(at, "Remove what is kept")
    assert kept.usage.bytes == 1 * GB
    assert at.button(key="kept_remove").disabled, "what is in use cannot be removed"


def test_removing_says_once_how_much_was_freed(visitor: Visitor, dataset: Dataset, kept: Kept) -> None:
    kept.usage = Usage(1_200_000_000, 0, 10 * GB)
    at = press(visitor.open("train", dataset=dataset.id), "Remove what is kept")
    assert "Removed. 1.2 GB are free again." in words(at)
    assert "Nothing is kept yet." in words(at)
    assert "are free again" not in words(calm(at.run()))


def test_where_nothing_is_kept_there_is_nothing_to_remove(
    visitor: Visitor, dataset: Dataset, kept: Kept
) -> None:
    at = visitor.open("train", dataset=dataset.id)
    assert "Remove what is kept" in labels(at)
    assert at.button(key="kept_remove").disabled


def test_how_much_may_be_kept_can_be_changed(visitor: Visitor, dataset: Dataset, kept: Kept) -> None:
    at = visitor.open("train", dataset=dataset.id)
    assert at.number_input(key="kept_budget").value == 10
    calm(at.number_input(key="kept_budget").set_value(2.5).run())
    assert kept.usage.budget == 2_500_000_000
    assert "Up to 2.5 GB may be." in words(at)


def test_what_goes_because_less_may_be_kept_is_said(
    visitor: Visitor, dataset: Dataset, kept: Kept
) -> None:
    kept.usage = Usage(3 * GB, 0, 10 * GB)
    at = visitor.open("train", dataset=dataset.id)
    calm(at.number_input(key="kept_budget").set_value(5.0).run())
    assert "are free again" not in words(at), "nothing had to go"
    calm(at.number_input(key="kept_budget").set_value(1.0).run())
    assert "Removed. 2 GB are free again." in words(at)


def test_another_tabs_change_is_followed_and_not_undone(
    visitor: Visitor, dataset: Dataset, kept: Kept
) -> None:
    at = visitor.open("train", dataset=dataset.id)
    kept.usage = Usage(0, 0, 20 * GB)
    calm(at.run())
    assert at.number_input(key="kept_budget").value == 20
    assert kept.usage.budget == 20 * GB


def test_a_refused_change_is_said_and_the_page_stays(
    visitor: Visitor, dataset: Dataset, kept: Kept
) -> None:
    at = visitor.open("train", dataset=dataset.id)
    kept.broken = True
    calm(at.number_input(key="kept_budget").set_value(2.0).run())
    assert "The disk cannot be written" in at.error[0].value
    assert at.number_input(key="kept_budget").value == 10
    assert "Start training" in labels(at)


def test_the_first_look_has_a_bar_of_its_own(visitor: Visitor, make_run: RunMaker) -> None:
    make_run(State.PREPARING, **EXTRACTING)
    shown = component(visitor.open("train"), "progress")
    assert "".join(text for text, _ in shown["headline"]) == "Looking at each photo once"
    assert shown["share"] == pytest.approx(412 / 2530)
    assert shown["cold"] is True
    assert shown["label"] == "Photos seen by the frozen part"
    assert shown["below_right"] == "412 of 2,530 photos · 88 photos a second"
    assert "".join(text for text, _ in shown["left"]) == "about 20 s left"


def test_the_first_look_counts_views_where_several_are_made(
    visitor: Visitor, dataset: Dataset, make_run: RunMaker
) -> None:
    make_run(State.PREPARING, plan=plan_of(dataset, recipe=LIGHT), **EXTRACTING)
    shown = component(visitor.open("train"), "progress")
    assert shown["below_right"] == "412 of 2,530 views · 88 views a second"


def test_the_strip_shows_the_first_look(visitor: Visitor, dataset: Dataset, make_run: RunMaker) -> None:
    make_run(State.PREPARING, **EXTRACTING)
    shown = component(visitor.open("start", dataset=dataset.id), "strip")
    assert shown["share"] == pytest.approx(412 / 2530)
    assert shown["figure"] == "16%"
    assert shown["detail"] == "412 of 2,530 photos · about 20 s left"
    assert shown["cold"] is True


def test_learning_has_the_usual_bar_again(visitor: Visitor, make_run: RunMaker) -> None:
    make_run(State.TRAINING, progress=0.21, **TRAINING)
    shown = component(visitor.open("train"), "progress")
    assert (shown["share"], shown["cold"], shown["label"]) == (0.21, False, "Progress of the run")


def test_stopping_the_first_look_keeps_what_was_computed_and_says_so(
    visitor: Visitor, make_run: RunMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(State.PREPARING, **EXTRACTING)
    ours = RunnerSnapshot(active=run.id, queue=())
    monkeypatch.setattr(visitor.service.runner, "snapshot", lambda: ours)
    at = visitor.open("train")
    assert "what was computed is kept" in at.button(key="stop").help
    run.write_status(replace(run.status(), state=State.TRAINING, extracted=None, to_extract=None, **TRAINING))
    assert "keeps the best epoch so far" in calm(at.run()).button(key="stop").help


def test_the_time_saved_so_far_is_shown_while_it_trains(visitor: Visitor, make_run: RunMaker) -> None:
    make_run(State.TRAINING, saved_s=48.0, cache=CacheUse("block6", 2530), **TRAINING)
    said = words(visitor.open("train"))
    assert "About 48 s saved so far. The textbook way" in said
    assert "An estimate from measured costs." in said


@pytest.mark.parametrize("saved", [None, 0.6])
def test_no_time_saved_is_shown_before_a_second_is(
    visitor: Visitor, make_run: RunMaker, saved: float | None
) -> None:
    make_run(State.TRAINING, saved_s=saved, cache=CacheUse("block6", 2530), **TRAINING)
    assert "saved so far" not in words(visitor.open("train"))


def test_a_finished_run_says_what_the_plain_way_would_have_taken(
    visitor: Visitor, dataset: Dataset, make_run: RunMaker
) -> None:
    run = make_run(cache=CacheUse("block6", 0, 2530, 95_208_960, compared_s=200.0))
    run.write_status(replace(run.status(), started=1000.0, ended=1051.0))
    said = words(visitor.open("train", dataset=dataset.id))
    assert "About 2 min 29 s saved. This took 51 s." in said
    assert "would have taken about 3 min 20 s." in said
    assert "Frozen part: computed 2,530 photos, kept for the next run. 95 MB on disk." in said


def test_photos_from_an_earlier_run_are_told(visitor: Visitor, make_run: RunMaker) -> None:
    make_run(cache=CacheUse("block6", 2530, 0))
    assert "2,530 photos were there from before." in words(visitor.open("train"))


def test_why_a_run_took_the_plain_way_is_told(visitor: Visitor, make_run: RunMaker) -> None:
    make_run(cache=CacheUse(None, reason="The first block learns."))
    assert "The textbook way: The first block learns." in words(visitor.open("train"))


def test_trouble_with_what_is_kept_is_a_caution_with_sign_and_words(
    visitor: Visitor, make_run: RunMaker
) -> None:
    make_run(cache=CacheUse("block6", warning="The disk is full. <img src=x> ![a](b)"))
    at = visitor.open("train")
    note = next(each for each in html_texts(at) if "The disk is full." in each)
    assert "thaw-sign warning" in note
    assert "<img" not in note
    assert "What the model learns is the same; only the time differs." in note


@pytest.mark.parametrize(
    ("use", "said"),
    [
        (CacheUse("block6", 10), "Computed once frozen part, cut after Block 6"),
        (CacheUse("pooling", 10), "Computed once frozen part, cut after the pooling"),
        (CacheUse("flatten", 10), "Computed once frozen part, cut after the flattening"),
        (CacheUse(None, reason="The first block learns."), "Plain frozen part"),
    ],
)
def test_the_settings_of_a_run_say_how_the_frozen_part_was_dealt_with(
    visitor: Visitor, make_run: RunMaker, use: CacheUse, said: str
) -> None:
    make_run(cache=use)
    assert said in words(visitor.open("train"))


def test_the_settings_of_a_run_name_views_where_photos_were_changed(
    visitor: Visitor, dataset: Dataset, make_run: RunMaker
) -> None:
    make_run(plan=plan_of(dataset))
    assert "views a photo" not in words(visitor.open("train"))
    make_run(plan=plan_of(dataset, recipe=replace(LIGHT, views=8)))
    assert "8 views a photo" in words(visitor.open("train"))
    make_run(plan=plan_of(dataset, recipe=replace(LIGHT, views=0)))
    assert "Fresh every epoch views a photo" in words(visitor.open("train"))
