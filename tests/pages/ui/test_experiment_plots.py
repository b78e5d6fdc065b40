from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import Any

import pytest

from core.experiments.points import Point, Series
from core.experiments.results import Results
from pages.ui.charts import COLOURS
from pages.ui.experiment_axes import Awaited, limits
from pages.ui.experiment_plots import PAPER_WIDTH, figure, picture
from pages.ui.experiment_rows import ordered
from pages.ui.experiment_words import about_marks

LIGHT, DARK = COLOURS["light"], COLOURS["dark"]
HOSTILE = "<img src=x onerror=alert(1)> <a href='http://evil.test'>b</a>"
SIZES = (5.0, 20.0, 80.0)


def point(role: str, mean: float, x: float | None = None, label: str = "", **extra: float | None) -> Point:
    return Point(x, label or role, mean, mean - 0.05, mean + 0.04, (mean - 0.01, mean + 0.01), extra, role)


def results(kind: str, *series: Series, **changes: Any) -> Results:
    found = Results(kind, "test", series, "What it says.", "What the lines are.", 2, complete=True)
    return replace(found, **changes)


def by_size(*, scratch: float = 0.3, label: str = "") -> Results:
    return results(
        "data-size",
        Series("transfer", label or "Transfer", tuple(point("transfer", 0.8, x, label) for x in SIZES)),
        Series("scratch", "From scratch", tuple(point("scratch", scratch, x) for x in SIZES)),
    )


BLOCKS = results(
    "blocks",
    Series("blocks", "", (point("head", 0.7), point("stem", 0.6), point("block1", 0.8), point("top", 0.75))),
    split="validation",
)
BACKBONES = results(
    "backbones",
    Series("probe", "", (point("a", 0.7, logme=1.234), point("b", 0.8, logme=None), point("c", 0.6))),
    Series("verified", "", (point("b", 0.9, test=0.88), point("a", 0.85, test=0.8))),
    split="validation",
)
CONTROLS = results("controls", Series("controls", "", (
    point("majority", 0.2), point("scratch", 0.4), point("head", 0.8), point("all", 0.85),
    point("run", 0.9),
)))
SEEDS = results("seeds", Series("seeds", "", (
    Point(None, "Head only", 0.82, 0.79, 0.85, (0.81, 0.83, 0.83), {}, "seed"),)))


def lines(found: Results, tone: str = "light") -> list[dict[str, Any]]:
    return [each for each in figure(found, tone).traces if each["mode"] == "lines+markers"]


def test_transfer_is_ember_and_scratch_grey_with_their_intervals() -> None:
    transfer, scratch = lines(by_size())
    assert transfer["line"]["color"] == LIGHT["ember"]
    assert scratch["line"]["color"] == LIGHT["quiet"]
    assert transfer["x"] == list(SIZES)
    assert transfer["y"] == pytest.approx([80.0] * 3)
    assert transfer["error_y"]["array"] == pytest.approx([4.0] * 3)
    assert transfer["error_y"]["arrayminus"] == pytest.approx([5.0] * 3)
    assert transfer["marker"]["symbol"] != scratch["marker"]["symbol"]


def test_each_line_carries_its_name_at_its_end() -> None:
    names = figure(by_size(), "light").layout["annotations"]
    assert [each["text"] for each in names] == ["Transfer", "From scratch"]
    assert [each["x"] for each in names] == pytest.approx([math.log10(80)] * 2)
    assert [each["yshift"] for each in names] == [0, 0]


def test_names_of_lines_that_end_close_together_stand_apart() -> None:
    names = figure(by_size(scratch=0.79), "light").layout["annotations"]
    assert names[0]["yshift"] > 0 > names[1]["yshift"]


def test_the_axis_of_sizes_is_logarithmic_and_has_room_for_what_is_to_come() -> None:
    awaited = [Awaited("transfer", "Transfer", 320.0)]
    axis = figure(by_size(), "light", awaited=awaited).layout["xaxis"]
    assert axis["type"] == "log"
    assert axis["tickvals"] == [*SIZES, 320.0]
    assert axis["range"][1] > math.log10(320)


def test_blocks_stand_as_the_block_map_has_them_with_the_head_last_and_as_reference() -> None:
    awaited = [Awaited(role, role, None) for role in ("head", "stem", "block1", "block2", "top")]
    drawn = figure(BLOCKS, "light", "block1", awaited)
    assert drawn.layout["yaxis"]["ticktext"] == ["stem", "block1", "block2", "top", "head"]
    assert [each["y"][0] for each in drawn.traces] == [0, 1, 3, 4]
    (line,) = drawn.layout["shapes"]
    assert line["x0"] == line["x1"] == pytest.approx(70.0)


def test_the_chosen_block_alone_is_ember() -> None:
    colours = {each["y"][0]: each["marker"]["color"] for each in figure(BLOCKS, "light", "block1").traces}
    assert colours == {0: LIGHT["ice"], 1: LIGHT["ember"], 2: LIGHT["ice"], 3: LIGHT["quiet"]}


def test_backbones_come_best_first_with_logme_beside_them_and_those_in_full_marked() -> None:
    drawn = figure(BACKBONES, "light")
    assert drawn.layout["yaxis"]["ticktext"] == ["b", "a", "c"]
    assert [each["marker"]["symbol"] for each in drawn.traces] == [
        "circle", "diamond", "circle", "diamond", "circle"]
    beside = [(each["y"], each["text"]) for each in drawn.layout["annotations"] if each["yref"] == "y"]
    assert sorted(beside) == [(0, "80.0%"), (0, "–"), (1, "1.23"), (1, "70.0%"), (2, "60.0%"), (2, "–")]


def test_a_diamond_lies_where_the_training_in_full_came_out_and_below_its_probe() -> None:
    probe, real = figure(BACKBONES, "light").traces[:2]
    assert (probe["x"], real["x"]) == ([pytest.approx(80.0)], [pytest.approx(90.0)])
    assert real["error_x"]["array"] == pytest.approx([4.0])
    assert probe["y"][0] < 0 < real["y"][0]
    assert "b, trained for real: 90.0%" in real["customdata"][0]


def test_what_the_marks_are_is_said_on_the_page_and_in_the_picture_where_there_are_two() -> None:
    assert "Diamond: trained for real" in about_marks(BACKBONES)
    assert "Diamond: trained for real" in str(picture(BACKBONES, "T").layout["annotations"])
    probes = replace(BACKBONES, series=BACKBONES.series[:1])
    assert about_marks(probes) == ""
    assert "Diamond" not in str(picture(probes, "T").layout["annotations"])


def test_repeats_that_are_still_to_come_share_a_row() -> None:
    awaited = [Awaited(role, role, None) for _seed in range(3) for role in ("stem", "block2", "top")]
    assert [each.role for each in ordered(BLOCKS, awaited)].count("block2") == 1


def test_the_run_comes_before_its_controls_and_is_ember_among_grey() -> None:
    (bars,) = figure(CONTROLS, "light").traces
    assert [each.role for each in ordered(CONTROLS)] == ["run", "all", "head", "scratch", "majority"]
    assert bars["marker"]["color"] == [LIGHT["ember"], *[LIGHT["grey"]] * 4]
    assert bars["x"] == pytest.approx([90, 85, 80, 40, 20])
    assert figure(CONTROLS, "light").layout["xaxis"]["range"][0] == 0


def test_each_seed_is_a_dot_and_none_lies_on_another() -> None:
    dots, mean = figure(SEEDS, "light").traces
    places = list(zip(dots["x"], dots["y"], strict=True))
    assert len(set(places)) == 3
    assert mean["x"] == [82.0]
    assert mean["error_x"]["array"] == pytest.approx([3.0])


def test_the_mean_stands_above_the_highest_of_many_equal_seeds() -> None:
    same = (0.8,) * 9 + (0.9,)
    many = results("seeds", Series("seeds", "", (Point(None, "", 0.81, 0.78, 0.84, same, {}, "seed"),)))
    drawn = figure(many, "light")
    dots, mean = drawn.traces
    assert mean["y"][0] > max(dots["y"]) + 0.5
    assert drawn.layout["yaxis"]["range"][1] > mean["y"][0] + 0.5
    (named,) = drawn.layout["annotations"]
    assert named["y"] == mean["y"][0]
    # So that the dots keep their distance.
    assert drawn.layout["height"] > figure(SEEDS, "light").layout["height"]


def test_of_a_single_seed_no_mean_is_drawn() -> None:
    one = results("seeds", Series("seeds", "", (Point(None, "", 0.8, 0.7, 0.9, (0.8,), {}, "seed"),)))
    assert len(figure(one, "light").traces) == 1


@pytest.mark.parametrize("found", [by_size(), BLOCKS, BACKBONES, CONTROLS, SEEDS], ids=lambda each: each.kind)
def test_a_picture_is_light_and_says_what_it_is_of(found: Results) -> None:
    made = picture(found, "Clothing", "block1")
    texts = " ".join(each["text"] for each in made.layout["annotations"])
    assert "<b>Clothing</b>" in texts
    assert "What it says." in texts
    assert "What the lines are." in texts
    assert "Accuracy on" in str(made.layout)
    assert made.layout["paper_bgcolor"] == "#FFFFFF"
    assert made.layout["width"] == PAPER_WIDTH
    assert made.layout["font"]["color"] == LIGHT["text"]
    assert DARK["ember"] not in str(made.to_json())


def test_in_the_dark_the_page_has_the_dark_colours() -> None:
    assert lines(by_size(), "dark")[0]["line"]["color"] == DARK["ember"]


def test_a_long_sentence_is_broken_into_lines_in_the_picture() -> None:
    long = replace(BLOCKS, sentence="word " * 80)
    assert any(each["text"].count("<br>") >= 2 for each in picture(long, "T").layout["annotations"])
    assert picture(long, "T").layout["height"] > picture(BLOCKS, "T").layout["height"]


def test_the_sentence_about_many_backbones_is_not_cut_in_the_picture() -> None:
    long = replace(BACKBONES, sentence=f"{'EfficientNet-B0, ' * 60}and the end.")
    assert "and the end." in " ".join(each["text"] for each in picture(long, "T").layout["annotations"])


def test_names_from_outside_bring_no_tag_into_a_plot() -> None:
    rows = results("controls", Series("controls", HOSTILE, (point("run", 0.8, label=HOSTILE),)))
    for found in (by_size(label=HOSTILE), rows):
        found = replace(found, sentence=HOSTILE, interval=HOSTILE)
        made = (figure(found, "light"), picture(found, HOSTILE))
        texts = [text for each in made for text in re.findall(r"<\w+", str(each.to_json()))]
        assert set(texts) <= {"<b", "<br", "<extra"}


@pytest.mark.parametrize(
    ("low", "high", "expected"), [(0.62, 0.84, (60, 85)), (0.0, 0.5, (0, 55)), (0.96, 1.0, (95, 100.075))]
)
def test_an_axis_ends_in_round_numbers_within_0_and_100(
    low: float, high: float, expected: tuple[float, float]
) -> None:
    found = results("seeds", Series("s", "", (Point(None, "", low, low, high, (high,), {}, ""),)))
    assert limits(found, 5) == pytest.approx(expected)
