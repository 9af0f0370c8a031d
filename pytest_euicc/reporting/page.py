"""HTML pages without anything to load from elsewhere: one base, one style, one template a page."""

from __future__ import annotations

from typing import Any

from pytest_euicc.extras import need
from pytest_euicc.reporting.run_file import NOTICE
from pytest_euicc.text import printable


def page(template: str, *packages: str, **values: Any) -> str:
    """The page that a template makes of values; text in them is escaped.

    Args:
        template: its file in the folder ``pages`` of this package, or of one of ``packages``.
    """
    need("a page of HTML", "report", "jinja2")
    import jinja2

    folders = [jinja2.PackageLoader(package, "pages") for package in (*packages, __package__ or "")]
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, loader=jinja2.ChoiceLoader(folders)
    )
    # Escaped for HTML, a name may still turn the order of what is shown.
    return printable(environment.get_template(template).render(notice=NOTICE, **values))
