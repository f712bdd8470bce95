"""`SmearDisplay` shows a photograph with the boxes and kinds of its cells."""

import sys

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.colors import same_color
from numpy.testing import assert_array_equal

mpl.use("agg")
plt = pytest.importorskip("matplotlib.pyplot")

from skblood.display import CellGridDisplay, SmearDisplay  # noqa: E402

IMAGE = np.zeros((200, 400, 3), dtype=np.uint8)
BOXES = np.array(
    [[10, 20, 50, 70], [60, 30, 100, 80], [120, 340, 160, 390], [0, 200, 20, 230]]
)
KINDS = np.array(["neutrophil", "basophil", "neutrophil", "monocyte"])
STATES = np.array(["sure", "unsure", "unfamiliar", "cut"])


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def make(which=slice(None), **options):
    return SmearDisplay(
        IMAGE, boxes=BOXES[which], kinds=KINDS[which], states=STATES[which], **options
    )


def test_the_photograph_is_shown():
    display = make()
    assert display.plot() is display
    [image] = display.ax_.images
    assert_array_equal(image.get_array(), IMAGE)
    assert display.figure_ is display.ax_.figure
    width, height = display.figure_.get_size_inches()
    assert width == 2 * height
    assert not display.ax_.axison


def test_positions_are_in_pixels():
    display = make().plot()
    assert len(display.boxes_) == 4
    assert set(display.boxes_) == set(display.ax_.patches)
    for frame, (top, left, bottom, right) in zip(display.boxes_, BOXES, strict=True):
        # The middle of pixel 0 is at 0, so its outer edge is at -0.5.
        assert frame.get_xy() == (left - 0.5, top - 0.5)
        assert frame.get_width() == right - left
        assert frame.get_height() == bottom - top


def test_kinds_are_above_their_boxes():
    display = make().plot()
    display.figure_.canvas.draw()
    assert set(display.texts_) == set(display.ax_.texts)
    for text, frame in zip(display.texts_, display.boxes_[:3], strict=True):
        extent, box = text.get_window_extent(), frame.get_window_extent()
        assert extent.y0 >= box.y1 - 1
        assert extent.y0 < box.y1 + box.height / 2
    # The last one is near the right edge, so its text ends with its box.
    beginning, ending = (display.texts_[i].get_window_extent() for i in (0, 2))
    assert beginning.x0 == pytest.approx(
        display.boxes_[0].get_window_extent().x0, abs=3
    )
    assert ending.x1 == pytest.approx(display.boxes_[2].get_window_extent().x1, abs=3)


def test_doubtful_cells_are_dashed_and_have_a_question_mark():
    display = make().plot()
    assert [text.get_text() for text in display.texts_] == [
        "neutrophil",
        "basophil?",
        "neutrophil?",
    ]
    styles = [frame.get_linestyle() for frame in display.boxes_]
    assert styles == ["-", "--", "--", "-"]


def test_cut_cells_are_grey_without_text():
    display = make([3]).plot()
    assert display.texts_ == []
    [frame] = display.boxes_
    red, green, blue, _ = frame.get_edgecolor()
    assert red == green == blue
    assert 0.2 < red < 0.8


def test_a_kind_has_one_colour():
    display = make().plot()
    first, second, third, _ = (frame.get_edgecolor() for frame in display.boxes_)
    assert same_color(first, third)
    assert not same_color(first, second)


def test_a_kind_has_the_same_colour_in_several_photographs():
    kinds = ["basophil", "monocyte", "neutrophil"]
    some, others = make([0, 1], all_kinds=kinds), make([2], all_kinds=kinds)
    some.plot()
    others.plot()
    assert same_color(some.boxes_[0].get_edgecolor(), others.boxes_[0].get_edgecolor())
    # Without them, the first kind of each photograph has the first colour.
    display = make([2]).plot()
    assert not same_color(
        some.boxes_[0].get_edgecolor(), display.boxes_[0].get_edgecolor()
    )


def test_eight_kinds_have_different_colours():
    kinds = [f"kind {i}" for i in range(8)]
    display = SmearDisplay(
        IMAGE, boxes=np.repeat(BOXES[:1], 8, axis=0), kinds=kinds, states=["sure"] * 8
    ).plot()
    assert len({frame.get_edgecolor() for frame in display.boxes_}) == 8


def test_more_kinds_than_colours():
    kinds = [f"kind {i:02}" for i in range(12)]
    display = SmearDisplay(
        IMAGE, boxes=np.repeat(BOXES[:1], 12, axis=0), kinds=kinds, states=["sure"] * 12
    ).plot()
    assert [text.get_text() for text in display.texts_] == kinds


def test_in_given_axes():
    figure, (first, second) = plt.subplots(1, 2)
    display = make().plot(ax=second)
    assert display.ax_ is second
    assert display.figure_ is figure
    assert not first.images
    assert plt.get_fignums() == [figure.number]


def test_without_cells():
    display = make([]).plot()
    assert display.boxes_ == display.texts_ == []
    assert len(display.ax_.images) == 1


def test_plot_twice():
    display = make().plot()
    first = display.ax_
    display.plot()
    assert display.ax_ is not first
    assert len(display.boxes_) == 4


def test_without_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    display = make()
    with pytest.raises(ImportError, match=r"SmearDisplay.*skblood\[plot\]"):
        display.plot()


@pytest.mark.parametrize("n_columns", [3, 8, 50])
@pytest.mark.parametrize("texts", [None, ["neutrophil 0.97\nunsure"] * 10])
def test_a_cell_grid_measures_the_size_of_its_figure(cells, n_columns, texts):
    display = CellGridDisplay(cells[0][:10], texts=texts)
    size = display.measure_size(n_columns=n_columns)
    assert plt.get_fignums() == []
    figure = display.plot(n_columns=n_columns).figure_
    assert tuple(figure.get_size_inches()) == pytest.approx(size)
    n_rows = -(-10 // n_columns)
    assert size[0] / size[1] == pytest.approx(min(10, n_columns) / n_rows, rel=0.7)
