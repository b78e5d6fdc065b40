from __future__ import annotations

from core.export.markup import Markup, facts, paragraph, picture, table, text
from core.export.svg import Interval, Line, intervals, lines, reliability


def test_text_is_escaped_once_and_markup_stays() -> None:
    assert text("<b>") == "&lt;b&gt;"
    assert text(Markup("<b>x</b>")) == "<b>x</b>"
    assert paragraph("a < b", Markup("<i>c</i>"), "") == "<p>a &lt; b <i>c</i></p>"


def test_a_cell_that_is_not_known_is_a_dash_and_never_empty() -> None:
    assert "<td>–</td>" in table(("a", "b"), [("row", None)])
    assert "<dd>–</dd>" in facts([("name", None)])


def test_what_is_spoken_cannot_leave_its_attribute() -> None:
    assert 'alt="&quot;&gt;&lt;script&gt;"' in picture(b"x", '"><script>')


def test_a_line_of_one_point_is_drawn() -> None:
    drawn = lines([Line("training", [(1, 0.5)], "train")], spoken="s", across="epoch", top=1.0, share=True)
    assert drawn.count("<circle") == 1
    assert "nan" not in drawn


def test_words_at_the_ends_of_lines_do_not_touch() -> None:
    import re

    drawn = lines(
        [Line(name, [(1, 0.1), (2, 0.5)], name) for name in ("train", "checked")], spoken="s",
        across="epoch", top=1.0)
    words = re.findall(r'<text class="(?:train|checked)" x="[\d.]+" y="([\d.]+)"', drawn)
    heights = [float(y) for y in words]
    assert abs(heights[0] - heights[1]) >= 15


def test_intervals_stand_where_their_shares_are() -> None:
    drawn = intervals([Interval("<x>", 0.5, 0.4, 0.6)], spoken="s")
    assert "&lt;x&gt;" in drawn
    assert 'x1="246.0" x2="294.0"' in drawn
    assert "50.0% (40.0%–60.0%)" in drawn


def test_a_bin_with_more_photos_is_larger() -> None:
    import re

    drawn = reliability([(0.5, 0.4, 1), (0.9, 0.9, 100)], spoken="s")
    small, large = (float(r) for r in re.findall(r' r="([\d.]+)"', drawn))
    assert small < large
