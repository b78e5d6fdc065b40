from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from core.insight.corruptions import CORRUPTIONS, STRENGTHS, titles
from core.studies.holding_up import VERSIONS, HoldingUp, _from_counts
from pages.ui import robust_chart
from pages.ui.evaluate_robust import verdict, where_it_fails
from pages.ui.robust_chart import amounts, lines, strengths


def figures(**lost: int) -> HoldingUp:
    """80 of 100 photos are right as they are; at middle and strong so many are lost."""
    counts = [[80 - n, n, 0] for n in (
        0 if strength < 2 else lost.get(name, 0) for name, strength in VERSIONS)]
    return _from_counts("test", counts, 100)


def test_every_corruption_and_strength_has_words() -> None:
    assert list(titles()) == list(amounts()) == list(CORRUPTIONS)
    assert list(strengths()) == list(STRENGTHS)
    assert "0.4%, 1.3%, 2.7%" in amounts()["blur"]
    assert "25, 15, 7" in amounts()["jpeg"]


def test_what_costs_the_most_at_middle_strength_is_named_with_its_figures() -> None:
    strong, sentence, sign = verdict(figures(noise=30, jpeg=12))
    assert strong == "Noisy photos cost it the most at middle strength."
    assert "Noisy, middle: 50.0% (40 to 60) instead of 80.0% (71 to 87); 30 photos lost, 0 won." in sentence
    assert "corrected after Holm for all 15 figures: p < 0.0001" in sentence
    assert sign == "warning"


def test_a_loss_that_may_be_chance_is_not_called_one() -> None:
    strong, sentence, sign = verdict(figures(blur=4))
    assert strong == "At middle strength no loss is beyond chance."
    assert "p = 1" in sentence
    assert sign == "info"


def test_a_loss_beyond_chance_is_named_though_another_accuracy_that_may_be_chance_is_lower() -> None:
    counts = [[180, 0, 0] for _each in VERSIONS]
    counts[VERSIONS.index(("blur", 2))] = [160, 34, 14]
    counts[VERSIONS.index(("dark", 2))] = [161, 19, 0]
    found = _from_counts("test", counts, 200)
    assert found.at("blur")[1].share.value < found.at("dark")[1].share.value
    strong, sentence, sign = verdict(found)
    assert strong == "Darkened photos cost it the most at middle strength."
    assert "19 photos lost, 0 won" in sentence
    assert sign == "warning"


def test_in_the_table_an_interval_stays_on_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []
    monkeypatch.setattr(robust_chart.st, "html", shown.append)
    robust_chart.table(figures(noise=30))
    assert '<td>50.0% <span style="white-space:nowrap">(40 to 60)</span></td>' in shown[0]


def test_for_each_corruption_it_is_said_where_it_begins_to_fail() -> None:
    assert where_it_fails(figures(noise=30, jpeg=12)) == (
        "It loses more than chance would: Noisy from middle, JPEG-crushed from middle. "
        "At no strength beyond chance: Blurred, Darkened, Turned.")
    assert where_it_fails(figures()).startswith("At no strength beyond chance: Blurred")


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    monkeypatch.setattr(robust_chart, "theme", lambda: "light")
    monkeypatch.setattr("pages.ui.charts.theme", lambda: "light")
    monkeypatch.setattr(
        robust_chart, "draw", lambda traces, layout, key: kept.update(traces=traces, layout=layout))
    return kept


def test_each_corruption_is_a_line_from_the_photos_as_they_are_with_intervals(drawn: dict[str, Any]) -> None:
    lines(figures(noise=30))
    *worse, clean = drawn["traces"]
    assert [each["name"] for each in worse] == list(titles().values())
    noise = worse[2]
    assert noise["y"] == [80, 80, 50, 50]
    assert noise["error_y"]["array"][2] == pytest.approx(9.6, abs=0.1)
    assert noise["error_y"]["arrayminus"][0] == 0
    assert clean["y"] == [80, 80]
    assert len({each["line"]["color"] for each in worse}) == len({
        each["marker"]["symbol"] for each in worse}) == 5


def test_names_at_the_ends_lie_on_no_other(drawn: dict[str, Any]) -> None:
    lines(figures())
    heights = sorted(each["y"] for each in drawn["layout"]["annotations"])
    assert min(b - a for a, b in pairwise(heights)) > 5
