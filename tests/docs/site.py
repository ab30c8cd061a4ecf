"""The pages as a site that is read without a network: ``python -m tests.docs.site``, into build/site.

Pages keep their places, so that a link is the same in the repository and on the site; the front page is the README.
Zensical's strict mode refuses links and anchors that lead nowhere; what a page would fetch from elsewhere is refused
here.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.docs.blocks import ROOT

STAGED = ROOT / "build" / "site-source"
BUILT = ROOT / "build" / "site"
_PAGES = ("*.md", "docs/**/*.md", "docs/**/*.png", "design/*.md", "examples/**/*.md", "examples/**/*.png")
_FETCHED = re.compile(
    r"<(?:script|img|iframe)[^>]+src=\"(?:https?:)?//|<link[^>]+rel=\"stylesheet\"[^>]+href=\"(?:https?:)?//"
)


def stage() -> None:
    """Copy the pages to where the site is made of them, the README as its index."""
    shutil.rmtree(STAGED, ignore_errors=True)
    for pattern in _PAGES:
        for page in ROOT.glob(pattern):
            place = STAGED / page.relative_to(ROOT)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(page, place)
    (STAGED / "README.md").rename(STAGED / "index.md")


def fetched(site: Path) -> list[str]:
    """What pages of a site would fetch from elsewhere."""
    return [
        f"{page.relative_to(site)}: {found[0]}"
        for page in sorted(site.rglob("*.html"))
        for found in _FETCHED.finditer(page.read_text(encoding="utf-8"))
    ]


def main() -> int:
    """Build the site; returns 1 if a link leads nowhere, or a page would fetch something."""
    stage()
    shutil.rmtree(BUILT, ignore_errors=True)
    program = Path(sys.executable).with_name("zensical")
    built = subprocess.run([program, "build", "--strict", "--clean"], cwd=ROOT, check=False)
    if built.returncode:
        return 1
    elsewhere = fetched(BUILT)
    for line in (*elsewhere, f"{sum(1 for _ in BUILT.rglob('*.html'))} pages in {BUILT.relative_to(ROOT)}"):
        sys.stdout.write(f"{line}\n")
    return 1 if elsewhere else 0


if __name__ == "__main__":
    sys.exit(main())
