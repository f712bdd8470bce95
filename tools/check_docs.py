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
# Chromium as root needs the first one. The others keep it from using the network: it
# finds the address of no other computer. (Blocking requests with playwright would also
# switch off the cache, which makes the check several times slower.)
BROWSER_OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]
# The contrast that WCAG 2.2 (level AA) requires of normal and of large text.
MIN_CONTRAST, MIN_CONTRAST_OF_LARGE_TEXT = 4.5, 3.0

# Waits for the images and fonts. Images below the window would otherwise load later.
# Colours that change slowly would be read too early.
WAIT = """async () => {
  const style = document.createElement("style");
  style.textContent = "* { transition: none !important; }";
  document.head.append(style);
  const images = [...document.images];
  for (const image of images) image.loading = "eager";
  await Promise.all(images.map(image => image.decode().catch(() => {})));
  await document.fonts.ready;
}"""

# Returns the width of the page, the missing images, and what is cut off and cannot be
# scrolled. At the top or bottom, a text is cut off if less than 60% of the height of a
# line is seen: the box of a letter is higher than the letter.
MEASURE_LAYOUT = """() => {
  const root = document.documentElement;
  const styles = new Map(), boxes = new Map();
  const remember = (map, read) => e => {
    if (!map.has(e)) map.set(e, read(e));
    return map.get(e);
  };
  const style = remember(styles, e => getComputedStyle(e));
  const box = remember(boxes, e => e.getBoundingClientRect());
  // Text for screen readers is in a box of one pixel. Menus that are closed are outside
  // of the window.
  const isForScreenReaders = e => /hidden|clip/.test(style(e).overflowX)
    && box(e).width <= 1 && box(e).height <= 1;
  const isClosed = e => style(e).position === "fixed" && (box(e).right <= 0
    || box(e).left >= root.clientWidth || box(e).bottom <= 0);
  // The path of a page, above the article, ends in "…" where the window is narrow. The
  // full title follows in the article.
  const isShortened = e => style(e).textOverflow === "ellipsis"
    && !e.closest("article");
  // A box inside of the article may scroll. The article as a whole should not, nor
  // what is around it.
  const outer = new Set();
  for (const article of document.querySelectorAll("article"))
    for (let e = article; e; e = e.parentElement) outer.add(e);
  const clips = (overflow, e) => /hidden|clip/.test(overflow)
    || (outer.has(e) && overflow !== "visible");
  const isCutOff = (element, lines) => {
    let width = true, height = true, horizontal = false, vertical = false;
    for (let e = element; e && e !== root && e !== document.body; e = e.parentElement) {
      if (isForScreenReaders(e) || isClosed(e) || isShortened(e)) return false;
      const {overflowX, overflowY, position, display} = style(e);
      // The size of the box of an inline element does not limit its content.
      if (display === "inline" || display === "contents") continue;
      const b = box(e);
      if (width && clips(overflowX, e))
        horizontal ||= lines.some(l => l.right > b.right + 1 || l.left < b.left - 1);
      else if (overflowX !== "visible") width = false;
      if (height && clips(overflowY, e) && !outer.has(e))
        vertical ||= lines.some(l => Math.min(l.bottom, b.bottom)
          - Math.max(l.top, b.top) < 0.6 * l.height);
      else if (overflowY !== "visible") height = false;
      if (position === "fixed") break;
    }
    if (width)
      horizontal ||= lines.some(l => l.right > root.clientWidth + 1 || l.left < -1);
    return horizontal || vertical;
  };
  const name = e => `${e.tagName.toLowerCase()} "${(e.alt || e.innerText || "").trim()
    .split("\\n")[0].slice(0, 40)}"`;
  const isVisible = e => e.checkVisibility({opacityProperty: true,
    visibilityProperty: true});
  const cutOff = new Set();
  const note = (element, lines) => {
    lines = lines.filter(line => line.width && line.height);
    if (lines.length && isVisible(element) && isCutOff(element, lines))
      cutOff.add(name(element.closest("table, pre") || element));
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    if (!walker.currentNode.textContent.trim()) continue;
    const range = document.createRange();
    range.selectNodeContents(walker.currentNode);
    note(walker.currentNode.parentElement, [...range.getClientRects()]);
  }
  for (const e of document.querySelectorAll("table, img, svg")) note(e, [box(e)]);
  return {
    width: root.scrollWidth,
    available: root.clientWidth,
    cutOff: [...cutOff],
    missing: [...document.images].filter(e => !e.naturalWidth)
      .map(e => e.getAttribute("src")),
  };
}"""

# Returns the visible texts with their colour, as [red, green, blue, opacity], and the
# elements around them from the text outwards, as [red, green, blue, opacity of the
# background, opacity of the element]. Drawings are ignored, as images are.
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
  const note = (element, text, style) => {
    if (!text || element.closest("svg")
        || !element.checkVisibility({opacityProperty: true, visibilityProperty: true})
        || !element.getBoundingClientRect().width) return;
    const around = [];
    for (let e = element; e; e = e.parentElement) {
      const {backgroundColor, opacity} = getComputedStyle(e);
      around.push([...color(backgroundColor), Number(opacity)]);
    }
    const large = parseFloat(style.fontSize) >= 24
      || (parseFloat(style.fontSize) >= 18.66 && style.fontWeight >= 700);
    const key = [style.color, large, ...around].join();
    if (!found.has(key)) found.set(key,
      {text: text.slice(0, 40), large, color: color(style.color), around});
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    note(element, walker.currentNode.textContent.trim(), getComputedStyle(element));
  }
  for (const e of document.querySelectorAll("input[placeholder]"))
    note(e, e.placeholder, getComputedStyle(e, "::placeholder"));
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
    """Return a line for each link that leads to no file or anchor of the site."""
    pages = {path: LinkReader(path) for path in find_pages(site)}
    problems = []
    for path, page in pages.items():
        for link in dict.fromkeys(page.links):
            problem = describe_broken_link(link, path, pages, site)
            if problem:
                problems.append(f"{path.relative_to(site)}: link {link!r}: {problem}")
    return problems


def describe_broken_link(link, path, pages, site):
    """Return what is wrong with a link, or None. Other sites are not opened."""
    parts = urlsplit(link)
    if parts.scheme == "file" or (not parts.netloc and parts.path.startswith("/")):
        return "expected a relative link, got one that depends on the computer"
    if parts.scheme or parts.netloc:
        return None
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if target.is_dir():
        target /= "index.html"
    if not target.is_relative_to(site):
        return "expected a file of the site, got a path outside of it"
    if not target.exists():
        return "expected a file, got none"
    if target in pages and unquote(parts.fragment) not in pages[target].anchors:
        return "expected an anchor, got none"
    return None


def blend(color, around):
    """Return the colour that is seen, as red, green and blue from 0 to 255.

    `around` has the elements around the text from the innermost outwards. The opacity
    of an element applies to its content and its background.
    """
    *seen, opacity = color
    for *background, covering, of_element in around:
        covered = (1 - opacity) * covering
        total = opacity + covered
        pairs = zip(seen, background, strict=True)
        seen = [(opacity * a + covered * b) / (total or 1) for a, b in pairs]
        opacity = total * of_element
    return tuple(opacity * channel + (1 - opacity) * 255 for channel in seen)


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
        background = blend((0, 0, 0, 0), text["around"])
        seen = blend(text["color"], text["around"])
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


class Page:
    """A window of the browser, which opens one page after another.

    `problems` has a description of each problem of the page that is open.
    """

    def __init__(self, browser, width, address):
        self.width, self.address, self.problems = width, address, []
        self.page = browser.new_page(viewport={"width": width, "height": 900})
        self.page.on("console", self.note_message)
        self.page.on("pageerror", lambda e: self.problems.append(f"script: {e}"))
        self.page.on("request", self.note_request)
        self.page.on("requestfailed", self.note_failed_request)
        self.page.on("response", self.note_response)

    def note_message(self, message):
        # The same problems are noted as requests, with the address.
        if message.type == "error" and "Failed to load" not in message.text:
            self.problems.append(f"console: expected no error, got {message.text!r}")

    def belongs_to_site(self, request):
        return request.url.startswith((f"{self.address}/", "data:", "blob:"))

    def note_request(self, request):
        if not self.belongs_to_site(request):
            self.problems.append(
                f"request {request.url}: expected a file of the site, got another"
            )

    def note_failed_request(self, request):
        if self.belongs_to_site(request):
            self.problems.append(
                f"request {request.url}: expected an answer, got {request.failure}"
            )

    def note_response(self, response):
        if response.status >= 400:
            self.problems.append(
                f"request {response.url}: expected an answer, got {response.status}"
            )

    def open(self, name):
        """Open a page, and return a description of each of its problems."""
        self.problems = []
        self.page.goto(f"{self.address}/{name}", wait_until="load")
        self.page.evaluate(WAIT)
        self.problems += find_layout_problems(self.page.evaluate(MEASURE_LAYOUT))
        # The colours are the same at each width.
        for theme in ("dark", "light") if self.width == WIDTHS[0] else ():
            self.page.evaluate("t => document.documentElement.dataset.theme = t", theme)
            found = find_faint_texts(self.page.evaluate(READ_COLORS))
            self.problems += [f"{theme} theme: {problem}" for problem in found]
        return self.problems

    def save_screenshot(self, folder, name):
        file = f"{name.removesuffix('.html').replace('/', '_')}_{self.width}.png"
        self.page.screenshot(path=folder / file, full_page=True)


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
    executable = find_browser()
    try:
        from playwright.sync_api import sync_playwright
    except ModuleNotFoundError:
        raise SystemExit(
            "Expected the package playwright, got none. Run: pip install -c "
            "constraints.txt -e '.[docs-check]'"
        ) from None
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=executable, args=BROWSER_OPTIONS
        )
        yield browser
        browser.close()


def find_browser():
    """Return the path of Chromium."""
    chosen = os.environ.get("CHROMIUM")
    names = [chosen] if chosen else BROWSERS
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        raise SystemExit(
            f"Expected one of the programs {', '.join(names)}, got none. Install "
            "Chromium (on Debian: apt-get install chromium), or set the environment "
            "variable CHROMIUM to its path."
        )
    return found


def find_problems_in_browser(site, screenshots=None):
    """Return a line for each problem that shows when the pages are opened."""
    names = [path.relative_to(site).as_posix() for path in find_pages(site)]
    problems = []
    with serve(site) as address, open_browser() as browser:
        for width in WIDTHS:
            page = Page(browser, width, address)
            for name in names:
                found = dict.fromkeys(page.open(name))
                problems += [f"{name}, {width} pixels: {problem}" for problem in found]
                if screenshots is not None:
                    page.save_screenshot(screenshots, name)
    print(f"{len(names)} pages, each {' and '.join(map(str, WIDTHS))} pixels wide")
    return problems


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("site", type=Path, help="the folder of the built pages")
    parser.add_argument(
        "--screenshots",
        type=Path,
        metavar="FOLDER",
        help="where to save a picture of each page at each width",
    )
    arguments = parser.parse_args()
    site = arguments.site.resolve()
    if not (site / "index.html").exists():
        parser.error(f"Expected a folder with index.html, got {site}. Run: make docs")
    if arguments.screenshots is not None:
        arguments.screenshots.mkdir(parents=True, exist_ok=True)
    problems = find_broken_links(site)
    problems += find_problems_in_browser(site, arguments.screenshots)
    for problem in problems:
        print(problem)
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
