"""HTML pages without anything to load from elsewhere: one base, one style, one template a page."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from pytest_euicc.extras import need
from pytest_euicc.reporting.run_file import NOTICE
from pytest_euicc.text import printable

if TYPE_CHECKING:
    from jinja2 import Environment


def page(template: str, *packages: str, **values: Any) -> str:
    """The page that a template makes of values; text in them is escaped.

    Args:
        template: its file in the folder ``pages`` of this package, or of one of ``packages``.
    """
    need("a page of HTML", "report", "jinja2")
    # Escaped for HTML, a name may still turn the order of what is shown.
    return printable(_templates(packages).get_template(template).render(notice=NOTICE, **values))


@cache
def _templates(packages: tuple[str, ...]) -> Environment:
    """The templates of these packages and of this one; each is compiled once in a process."""
    import jinja2

    folders = [jinja2.PackageLoader(package, "pages") for package in (*packages, __package__ or "")]
    return jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, loader=jinja2.ChoiceLoader(folders)
    )
