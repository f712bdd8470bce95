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
    assert check_docs.blend((0, 0, 0, 0), [half_black, (255, 0, 0, 1)]) == (127.5, 0, 0)


@needs_browser
@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ('<img src="none.png" width="9">', "expected a picture"),
        ('<div style="width: 2000px">wide</div>', "expected a width of at most"),
        (
            '<div style="overflow: hidden"><table style="width: 2000px"><tr><td>cut'
            "</td></tr></table></div>",
            'table "cut": expected all of it to be seen',
        ),
        (
            "<style>article { overflow: auto; }</style>"
            '<p style="width: 2000px">as wide as the article</p>',
            'p "as wide as the article": expected all of it to be seen',
        ),
        ('<p style="color: #999">faint</p>', "'faint': expected a contrast"),
        ("<script>console.error('broken')</script>", "expected no error"),
        ("<script>throw new Error('broken')</script>", "script: broken"),
        (
            '<script src="https://example.org/x.js"></script>',
            "request https://example.org/x.js: expected an answer",
        ),
    ],
)
def test_problems_that_show_in_a_browser_are_found(tmp_path, body, problem):
    found = check_docs.find_problems_in_browser(write_site(tmp_path, body))
    assert any(problem in line for line in found), found


@needs_browser
def test_a_page_that_looks_right_has_no_problem(tmp_path):
    body = (
        "<p>text</p>"
        '<div style="overflow: auto"><pre style="width: 2000px">scrolls</pre></div>'
    )
    assert check_docs.find_problems_in_browser(write_site(tmp_path, body)) == []
