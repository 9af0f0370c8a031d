"""Takes the request to an analytics host out of an Allure report, so that the page talks to nobody.

    python reports/strip_analytics.py reports/out/allure-report/index.html

Exit status 1 if the page still names a script of another host afterwards.
"""

import re
import sys
from pathlib import Path

ANALYTICS = re.compile(
    r'<script async src="https://www\.googletagmanager\.com/[^"]*"></script>\s*<script>\s*window\.dataLayer.*?</script>',
    re.DOTALL,
)
ELSEWHERE = re.compile(r'<(?:script|link|img)[^>]*(?:src|href)="(https?://[^"]*)"')


def main() -> int:
    """Mend the page that is named; returns the exit status."""
    path = Path(sys.argv[1])
    page = ANALYTICS.sub("", path.read_text(encoding="utf-8"))
    path.write_text(page, encoding="utf-8")
    # Report data follow the head of the page as text of their own; tags in them are never loaded.
    left = ELSEWHERE.findall(page.partition("window.allureReportData")[0])
    for url in left:
        sys.stderr.write(f"{path}: still loads {url}\n")
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
