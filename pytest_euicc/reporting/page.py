"""HTML pages without anything to load from elsewhere, from the templates beside the modules that fill them."""

from __future__ import annotations

from importlib.resources import files
from typing import Any


def page(package: str, template: str, **values: Any) -> str:
    """The page that a template of a package makes of values; text in them is escaped."""
    import jinja2

    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string((files(package) / template).read_text(encoding="utf-8")).render(**values)
