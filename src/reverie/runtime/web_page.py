"""The text of a web page, with the addresses of its links: what an agent reads of it."""

import re
from html.parser import HTMLParser
from urllib.parse import urljoin

import msgspec

_SILENT = frozenset({"script", "style", "noscript", "template", "svg", "iframe", "object"})
"""What holds nothing to read."""
_BREAKS = frozenset(
    (
        *("address", "article", "aside", "blockquote", "br", "dd", "details", "div", "dl", "dt", "fieldset"),
        *("figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr"),
        *("legend", "li", "main", "nav", "ol", "option", "p", "pre", "section", "summary", "table", "tbody"),
        *("td", "tfoot", "th", "thead", "tr", "ul"),
    )
)
_CELLS = frozenset({"td", "th"})
_WITHOUT_END = frozenset({"br", "hr", "img", "input", "link", "meta", "wbr", "area", "base", "col", "embed", "source"})
_SPACES = re.compile(r"[^\S\n]+")
_LINES = re.compile(r"\n\s*\n\s*")


class WebPage(msgspec.Struct, frozen=True):
    """What a page says."""

    title: str
    text: str


def read_page(html: str, address: str) -> WebPage:
    """A page's title and text; links are followed by their addresses. Whatever is malformed is read as browsers do.

    Args:
        address: where the page is, for links that are relative to it.
    """
    reader = _Reader(address)
    reader.feed(html)
    reader.close()
    return WebPage(" ".join("".join(reader.title).split()), _tidy("".join(reader.parts)))


def _tidy(text: str) -> str:
    lines = (line.strip() for line in _SPACES.sub(" ", text).split("\n"))
    return _LINES.sub("\n\n", "\n".join(lines)).strip()


class _Reader(HTMLParser):
    def __init__(self, address: str) -> None:
        super().__init__(convert_charrefs=True)
        self.title: list[str] = []
        self.parts: list[str] = []
        self._address = address
        self._silent: list[str] = []
        self._links: list[tuple[str, int]] = []
        self._in_title = False
        self._verbatim = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "title" and "svg" not in self._silent:
            self._in_title = True
        elif tag == "body":
            self._silent.clear()  # What was never closed before ends here.
        elif tag in _SILENT:
            self._silent.append(tag)
        elif tag == "base" and given.get("href"):
            self._address = urljoin(self._address, given["href"] or "")
        elif not self._silent:
            self._begin(tag, given)

    def _begin(self, tag: str, given: dict[str, str | None]) -> None:
        if tag in _BREAKS:
            self.parts.append("\t" if tag in _CELLS else "\n")
        if tag == "li":
            self.parts.append("- ")
        elif len(tag) == 2 and tag[0] == "h" and tag[1].isdigit():
            self.parts.append(f"\n{'#' * int(tag[1])} ")
        elif tag == "pre":
            self._verbatim += 1
        elif tag == "img" and (given.get("alt") or "").strip():
            self.parts.append(f"[image: {given['alt']}]")
        elif tag == "a" and given.get("href"):
            self._links.append((given["href"] or "", len(self.parts)))

    def handle_endtag(self, tag: str) -> None:
        if tag == "title":
            self._in_title = False
        elif tag in self._silent:
            del self._silent[self._silent.index(tag) :]
        elif not self._silent and tag not in _WITHOUT_END:
            self._end(tag)

    def _end(self, tag: str) -> None:
        if tag == "pre":
            self._verbatim = max(0, self._verbatim - 1)
        if tag in _BREAKS and tag not in _CELLS:
            self.parts.append("\n")
        if tag == "a" and self._links:
            href, begun = self._links.pop()
            address = _joined(self._address, href)
            if address is not None and "".join(self.parts[begun:]).strip():
                self.parts.append(f" ({address})")

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.title.append(data)
        elif not self._silent:
            self.parts.append(data if self._verbatim else re.sub(r"\s+", " ", data))


def _joined(address: str, href: str) -> str | None:
    """Where a link leads; None where that is no page, or a place in this one."""
    if href.startswith("#"):
        return None
    try:
        found = urljoin(address, href.strip())
    except ValueError:
        return None
    return found if found.startswith(("http://", "https://")) else None
