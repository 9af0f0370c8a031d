"""Screenshots of report pages in a headless Chromium: 1440 and 390 pixels wide, dark, and as printed on A4.

    python reports/screenshots.py PAGE.html... --out FOLDER

Says which pages scroll sideways at 390 pixels, and exits with 1 if one does. Needs Debian's chromium and poppler-utils.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

SIZES = {"desktop": (1440, 1600, ()), "dark": (1440, 1600, ("--blink-settings=preferredColorScheme=0",))}
QUIET = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--no-first-run")  # fmt: skip
FRAME = """<body style="margin:0"><iframe src="{page}" style="width:390px;height:900px;border:0" id="f"></iframe>
<p id="w"></p><script>
f.onload = () => setTimeout(() => {{ w.textContent = "width=" + f.contentDocument.documentElement.scrollWidth }}, 300)
</script>"""


def chromium(*arguments: str) -> str:
    """Run Chromium with a profile of its own; returns what it prints."""
    with tempfile.TemporaryDirectory() as profile:
        command = ["chromium", *QUIET, f"--user-data-dir={profile}", *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout


def on_a_phone(page: Path, picture: Path) -> int:
    """A picture of a page in a frame of 390 pixels, as a window is never narrower than 500; returns how wide it is."""
    with tempfile.NamedTemporaryFile("w", suffix=".html", dir=page.parent) as frame:
        frame.write(FRAME.format(page=page.name))
        frame.flush()
        url, more = Path(frame.name).as_uri(), ("--allow-file-access-from-files", "--virtual-time-budget=4000")
        chromium(f"--screenshot={picture}", "--window-size=500,900", *more, url)
        reported = chromium("--dump-dom", *more, url)
    found = re.search(r"width=(\d+)", reported)
    return int(found[1]) if found else 0


def main() -> int:
    """Make them; returns the exit status."""
    parser = argparse.ArgumentParser(description="screenshots of report pages")
    parser.add_argument("pages", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, default=Path("reports/out/screenshots"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    wide = False
    for page in options.pages:
        url = page.resolve().as_uri()
        for name, (width, height, more) in SIZES.items():
            picture = options.out / f"{page.stem}-{name}.png"
            chromium(f"--screenshot={picture}", f"--window-size={width},{height}", *more, url)
        paper = options.out / f"{page.stem}.pdf"
        chromium(f"--print-to-pdf={paper}", "--no-pdf-header-footer", url)
        subprocess.run(["pdftoppm", "-png", "-r", "60", "-l", "3", paper, paper.with_suffix("")], check=True)
        shown = on_a_phone(page.resolve(), options.out / f"{page.stem}-phone.png")
        wide |= shown > 390
        sys.stdout.write(f"{page}: {shown} pixels wide in 390\n")
    return 1 if wide else 0


if __name__ == "__main__":
    sys.exit(main())
