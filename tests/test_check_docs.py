"""`tools/check_docs.py` finds what is wrong with a page."""

import importlib.util
import shutil
from pathlib import Path

import pytest

TOOL = Path(__file__).parents[1] / "tools" / "check_docs.py"
spec = importlib.util.spec_from_file_location("check_docs", TOOL)
check_docs = importlib.util.module_from_spec(spec)
spec.loader.exec_module(check_docs)

needs_browser = pytest.mark.skipif(
    not (
        importlib.util.find_spec("playwright")
        and any(map(shutil.which, check_docs.BROWSERS))
    ),
    reason="needs playwright and Chromium",
)


def write_site(folder, body, file="index.html"):
    page = folder / file
    page.write_text(
        '<!doctype html><html data-theme="light"><head><title>t</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<link rel="icon" href="data:,"></head>'
        f"<body><article>{body}</article></body></html>"
    )
    return folder


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ('<a href="none.html">x</a>', "expected a file"),
        ('<a href="#none">x</a>', "expected an anchor"),
        ('<a href="other.html#none">x</a>', "expected an anchor"),
        ('<img src="none.png">', "expected a file"),
        ('<a href="../index.html">x</a>', "expected a file of the site"),
        ('<a href="/index.html">x</a>', "expected a relative link"),
        ('<a href="file:///index.html">x</a>', "expected a relative link"),
    ],
)
def test_broken_links_are_found(tmp_path, body, problem):
    write_site(tmp_path, "<p>other</p>", "other.html")
    [found] = check_docs.find_broken_links(write_site(tmp_path, body))
    assert found.startswith("index.html: link ")
    assert problem in found


def test_links_that_lead_somewhere_are_no_problem(tmp_path):
    write_site(tmp_path, '<p id="there">other</p>', "other.html")
    body = (
        '<p id="here"></p><a href="#here">x</a><a href="other.html#there">x</a>'
        '<a href="https://example.org/none">x</a><a href="mailto:nobody">x</a>'
    )
    assert check_docs.find_broken_links(write_site(tmp_path, body)) == []


@pytest.mark.parametrize(
    ("first", "second", "ratio"),
    [
        ((0, 0, 0), (255, 255, 255), 21),
        ((255, 255, 255), (255, 255, 255), 1),
        # An example that many descriptions of WCAG give.
        ((119, 119, 119), (255, 255, 255), 4.48),
    ],
)
def test_contrast_is_that_of_wcag(first, second, ratio):
    assert check_docs.contrast(first, second) == pytest.approx(ratio, abs=0.005)


def test_colours_behind_a_text_are_blended():
    half_black = (0, 0, 0, 0.5)
    assert check_docs.blend(half_black, []) == (127.5, 127.5, 127.5)
    around = [(0, 0, 0, 0.5, 1), (255, 0, 0, 1, 1)]
    assert check_docs.blend((0, 0, 0, 0), around) == (127.5, 0, 0)


def test_the_opacity_of_an_element_applies_to_its_text_and_its_background():
    black, white_box = (0, 0, 0, 1), (255, 255, 255, 1, 0.5)
    red = (255, 0, 0, 1, 1)
    assert check_docs.blend(black, [white_box, red]) == (127.5, 0, 0)
    assert check_docs.blend((0, 0, 0, 0), [white_box, red]) == (255, 127.5, 127.5)


def test_the_limit_of_the_contrast_depends_on_the_size_of_the_text():
    gray = {"text": "t", "color": (140, 140, 140, 1), "around": []}
    assert check_docs.find_faint_texts([gray | {"large": True}]) == []
    [found] = check_docs.find_faint_texts([gray | {"large": False}])
    assert found == "text 't': expected a contrast of at least 4.5, got 3.36"


def test_without_a_browser_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setenv("CHROMIUM", "no-such-program")
    with pytest.raises(SystemExit, match="apt-get install chromium"):
        check_docs.find_browser()


LONG_LINE = "a_long_name + " * 20
CUT_OFF = "expected all of it to be seen"
# For each name of a page, its body and what is found.
BROKEN = {
    "missing_image": ('<img src="none.png" width="9">', "expected a picture"),
    "missing_image_below_the_window": (
        '<p style="height: 9000px"></p><img loading="lazy" src="none.png" width="9">',
        "expected a picture",
    ),
    "missing_background": (
        '<p style="background: url(none.png)">text</p>',
        "none.png: expected an answer, got 404",
    ),
    "wide": (
        '<div style="width: 2000px">wide</div>',
        "expected a width of at most",
    ),
    "table_cut_off": (
        '<div style="overflow: hidden; width: 100px"><table style="width: 200px"><tr>'
        "<td>cut</td></tr></table></div>",
        f'table "cut": {CUT_OFF}',
    ),
    "code_cut_off": (
        f'<pre style="overflow: hidden">{LONG_LINE}</pre>',
        f'pre "{LONG_LINE[:40]}": {CUT_OFF}',
    ),
    "code_cut_off_by_a_box": (
        f'<div style="overflow: hidden"><pre>{LONG_LINE}</pre></div>',
        f'pre "{LONG_LINE[:40]}": {CUT_OFF}',
    ),
    "wide_article": (
        "<style>article { overflow: auto; }</style>"
        '<p style="width: 2000px; text-align: right">as wide as the article</p>',
        f'p "as wide as the article": {CUT_OFF}',
    ),
    "box_around_the_article_that_scrolls": (
        '</article><div style="overflow: auto"><article style="width: 2000px">'
        '<p style="text-align: right">right</p></article></div>',
        f'p "right": {CUT_OFF}',
    ),
    "cut_off_at_the_bottom": (
        '<div style="overflow: hidden; height: 9px"><p>low</p></div>',
        f'p "low": {CUT_OFF}',
    ),
    "cut_off_at_the_left": (
        '<p style="margin-left: -99px">left</p>',
        f'p "left": {CUT_OFF}',
    ),
    "shortened_in_the_article": (
        '<p style="overflow: hidden; text-overflow: ellipsis; width: 40px; '
        'white-space: nowrap">much too long</p>',
        f'p "much too long": {CUT_OFF}',
    ),
    "faint": (
        '<p style="color: #999">faint</p>',
        "'faint': expected a contrast of at least 4.5, got 2.85",
    ),
    "faint_because_of_opacity": (
        '<div style="opacity: 0.4"><p>faint</p></div>',
        "'faint': expected a contrast of at least 4.5, got 2.85",
    ),
    "faint_in_the_dark_theme": (
        "<style>[data-theme=dark] p { background: black; color: #333; }</style>"
        "<p>faint</p>",
        "dark theme: text 'faint': expected a contrast of at least 4.5, got 1.66",
    ),
    "console": (
        "<script>console.error('broken')</script>",
        "expected no error, got 'broken'",
    ),
    "script": ("<script>throw new Error('broken')</script>", "script: broken"),
    "other_site": (
        '<script src="https://example.org/x.js"></script>',
        "request https://example.org/x.js: expected a file of the site",
    ),
    "other_address": (
        '<img src="http://192.0.2.1/x.png">',
        "request http://192.0.2.1/x.png: expected a file of the site",
    ),
}


@pytest.fixture(scope="module")
def problems(tmp_path_factory):
    """Open all the pages in one browser."""
    folder = tmp_path_factory.mktemp("site")
    for name, (body, _) in BROKEN.items():
        write_site(folder, body, f"{name}.html")
    return check_docs.find_problems_in_browser(folder)


@needs_browser
@pytest.mark.parametrize("name", BROKEN)
def test_problems_that_show_in_a_browser_are_found(problems, name):
    found = [line for line in problems if line.startswith(f"{name}.html, ")]
    assert any(BROKEN[name][1] in line for line in found), found


@needs_browser
def test_a_page_that_looks_right_has_no_problem(tmp_path):
    body = (
        "<p>text</p>"
        '<div style="overflow: auto"><pre style="width: 2000px">scrolls</pre></div>'
        '<span style="position: absolute; width: 1px; height: 1px; overflow: hidden">'
        "read aloud</span>"
    )
    assert check_docs.find_problems_in_browser(write_site(tmp_path, body)) == []
