"""Check the built documentation: its links, and how it looks in a browser.

The links are read from the files. Then Chromium opens each page at the width of a
laptop and of a phone. Each problem is printed in a line, with what was found and what
was expected. The exit status is 1 if there is a problem.

    python tools/check_docs.py docs/_build/html
    python tools/check_docs.py docs/_build/html --screenshots shots
"""

import argparse
import os
import shutil
import sys
import threading
from contextlib import contextmanager
from functools import partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

WIDTHS = [1280, 390]
BROWSERS = ["chromium", "chromium-browser", "google-chrome"]
# Chromium as root needs the first one. The others keep it from using the network.
BROWSER_OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# The contrast that WCAG 2.2 (level AA) requires of normal and of large text.
MIN_CONTRAST, MIN_CONTRAST_OF_LARGE_TEXT = 4.5, 3.0

# Returns the width of the page and what is wider than its place and cannot be scrolled.
MEASURE_LAYOUT = """() => {
  const root = document.documentElement;
  const parts = "h1, h2, h3, p, li, dt, dd, table, pre, img, code"
    .split(", ").map(part => "article " + part).join(", ");
  // A box inside of the article may scroll. The article as a whole should not.
  const scrolls = e => e && !e.matches("article")
    && (/auto|scroll/.test(getComputedStyle(e).overflowX) || scrolls(e.parentElement));
  const isCutOff = e => {
    const box = e.getBoundingClientRect();
    if (!box.width || scrolls(e)) return false;
    const clips = /hidden|clip/.test(getComputedStyle(e).overflowX);
    return box.right > root.clientWidth + 1
      || (clips && e.scrollWidth > e.clientWidth + 1);
  };
  const name = e => e.tagName.toLowerCase() + " \\"" + (e.alt || e.innerText || "")
    .trim().split("\\n")[0].slice(0, 40) + "\\"";
  return {
    width: root.scrollWidth,
    available: root.clientWidth,
    cutOff: [...document.querySelectorAll(parts)].filter(isCutOff).map(name),
    missing: [...document.images].filter(e => e.complete && !e.naturalWidth)
      .map(e => e.getAttribute("src")),
  };
}"""

# Returns the visible texts with their colour and the colours behind them, from the text
# outwards, as [red, green, blue, opacity].
READ_COLORS = """() => {
  const context = document.createElement("canvas").getContext("2d",
    {willReadFrequently: true});
  const toNumbers = color => {
    context.clearRect(0, 0, 1, 1);
    context.fillStyle = color;
    context.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = context.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const known = new Map();
  const color = text => known.get(text)
    || known.set(text, toNumbers(text)).get(text);
  const found = new Map();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    const text = walker.currentNode.textContent.trim();
    if (!text || !element.checkVisibility({opacityProperty: true,
        visibilityProperty: true}) || !element.getBoundingClientRect().width) continue;
    const style = getComputedStyle(element);
    const behind = [];
    for (let e = element; e; e = e.parentElement)
      behind.push(getComputedStyle(e).backgroundColor);
    const large = parseFloat(style.fontSize) >= 24
      || (parseFloat(style.fontSize) >= 18.66 && style.fontWeight >= 700);
    const key = [style.color, large, ...behind].join();
    if (!found.has(key)) found.set(key, {
      text: text.slice(0, 40), large, color: color(style.color),
      behind: behind.map(color)});
  }
  return [...found.values()];
}"""


class LinkReader(HTMLParser):
    """Reads the links and the anchors of a page."""

    def __init__(self, path):
        super().__init__()
        self.links, self.anchors = [], {""}
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        for name in ("href", "src"):
            if attributes.get(name):
                self.links.append(attributes[name])
        for name in ("id", "name"):
            if attributes.get(name):
                self.anchors.add(attributes[name])


def find_pages(site):
    """Return the paths of the pages. The folder _static has files of the theme only."""
    return [
        path
        for path in sorted(site.rglob("*.html"))
        if "_static" not in path.relative_to(site).parts
    ]


def find_broken_links(site):
    """Return a line for each link to a missing file or anchor of the site."""
    pages = {path: LinkReader(path) for path in find_pages(site)}
    problems = []
    for path, page in pages.items():
        for link in dict.fromkeys(page.links):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve()
            target = path if not parts.path else target
            if target.is_dir():
                target /= "index.html"
            place = f"{path.relative_to(site)}: link {link!r}"
            if not target.exists():
                problems.append(f"{place}: expected a file, got none")
            elif target in pages and unquote(parts.fragment) not in (
                pages[target].anchors
            ):
                problems.append(f"{place}: expected an anchor, got none")
    return problems


def blend(color, behind):
    """Return the colour that is seen, as red, green and blue from 0 to 255."""
    result = (255, 255, 255)
    for *channels, opacity in [*reversed(behind), color]:
        pairs = zip(channels, result, strict=True)
        result = tuple(opacity * new + (1 - opacity) * old for new, old in pairs)
    return result


def luminance(color):
    """Return the relative luminance of a colour, as WCAG 2.2 defines it."""
    values = [channel / 255 for channel in color]
    linear = [
        v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in values
    ]
    return sum(w * v for w, v in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(first, second):
    """Return the contrast ratio of two colours, from 1 to 21."""
    dark, light = sorted([luminance(first), luminance(second)])
    return (light + 0.05) / (dark + 0.05)


def find_faint_texts(texts):
    """Return a description of each text that has too little contrast."""
    problems = []
    for text in texts:
        background = blend((0, 0, 0, 0), text["behind"])
        seen = blend(text["color"], text["behind"])
        ratio = contrast(seen, background)
        least = MIN_CONTRAST_OF_LARGE_TEXT if text["large"] else MIN_CONTRAST
        if ratio < least:
            problems.append(
                f"text {text['text']!r}: expected a contrast of at least {least}, got "
                f"{ratio:.2f}"
            )
    return problems


def find_layout_problems(layout):
    """Return a description of each problem in what `MEASURE_LAYOUT` returned."""
    problems = [
        f"image {source}: expected a picture, got none" for source in layout["missing"]
    ]
    if layout["width"] > layout["available"]:
        problems.append(
            f"page: expected a width of at most {layout['available']} pixels, got "
            f"{layout['width']}"
        )
    return problems + [
        f"{name}: expected all of it to be seen, got a part of it"
        for name in layout["cutOff"]
    ]


def check_page(page, address, width):
    """Open a page at a width, and return a description of each problem."""
    problems = []

    def note_message(message):
        if message.type == "error":
            problems.append(f"console: expected no error, got {message.text!r}")

    def note_request(request):
        problems.append(f"request {request.url}: expected an answer, got none")

    page.on("console", note_message)
    page.on("pageerror", lambda error: problems.append(f"script: {error}"))
    page.on("requestfailed", note_request)
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(address, wait_until="load")
    # Colours that change slowly would be read too early.
    page.add_style_tag(content="* { transition: none !important; }")
    problems += find_layout_problems(page.evaluate(MEASURE_LAYOUT))
    # The colours are the same at each width.
    for theme in ("light", "dark") if width == WIDTHS[0] else ():
        page.evaluate("theme => document.documentElement.dataset.theme = theme", theme)
        found = find_faint_texts(page.evaluate(READ_COLORS))
        problems += [f"{theme} theme: {problem}" for problem in found]
    return problems


@contextmanager
def serve(site):
    """Serve a folder on this computer, and yield its address."""

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *args):
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=site))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def open_browser():
    """Yield Chromium without a window, which opens pages of this computer only."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_browser(), args=BROWSER_OPTIONS
        )
        context = browser.new_context()
        context.route(
            lambda url: "//127.0.0.1:" not in url, lambda route: route.abort()
        )
        yield context
        browser.close()


def find_browser():
    """Return the path of Chromium."""
    names = filter(None, [os.environ.get("CHROMIUM"), *BROWSERS])
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        raise SystemExit(
            f"Expected one of the programs {', '.join(BROWSERS)}, got none. Install "
            "Chromium (on Debian: apt-get install chromium), or set the environment "
            "variable CHROMIUM to its path."
        )
    return found


def find_problems_in_browser(site, screenshots=None):
    """Return a line for each problem that shows when the pages are opened."""
    names = [path.relative_to(site).as_posix() for path in find_pages(site)]
    problems = []
    with serve(site) as address, open_browser() as browser:
        for name in names:
            for width in WIDTHS:
                page = browser.new_page()
                found = check_page(page, f"{address}/{name}", width)
                problems += [f"{name}, {width} pixels: {problem}" for problem in found]
                if screenshots is not None:
                    file = f"{name.removesuffix('.html').replace('/', '_')}_{width}.png"
                    page.evaluate("delete document.documentElement.dataset.theme")
                    page.screenshot(path=screenshots / file, full_page=True)
                page.close()
    print(f"{len(names)} pages, each {' and '.join(map(str, WIDTHS))} pixels wide")
    return problems


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("site", type=Path, help="the folder of the built pages")
    parser.add_argument(
        "--screenshots", type=Path, help="where to save a picture of each"
    )
    arguments = parser.parse_args()
    site = arguments.site.resolve()
    if not (site / "index.html").exists():
        parser.error(f"Expected a folder with index.html, got {site}. Run: make docs")
    if arguments.screenshots is not None:
        arguments.screenshots.mkdir(parents=True, exist_ok=True)
    problems = find_broken_links(site)
    problems += find_problems_in_browser(site, arguments.screenshots)
    print(*problems, sep="\n")
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
