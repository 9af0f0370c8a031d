"""Allure's attachments: written at once, and what a run attaches again is not written again."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

from allure_commons.model2 import ATTACHMENT_PATTERN, Attachment, ExecutableItem
from allure_commons.types import AttachmentType


class Attachments:
    """Attaches texts to the step that runs.

    Writing them is most of what a report takes, and a third were attached before, as most cards are reset alike. Allure
    3 takes a file for one attachment only, so that each has a name of its own: a link.

    Args:
        plugin: the listener of allure-pytest.
        folder: of the results.
    """

    def __init__(self, plugin: Any, folder: Path) -> None:
        self.reporter = plugin.allure_logger
        """Knows the test and the step that run."""
        self._folder = folder
        self._files: dict[bytes, Path] = {}
        """Where a text is, by its SHA-256."""

    def add(self, text: str, name: str) -> None:
        """Attach a text, under a name for people."""
        prefix, octets = str(uuid4()), text.encode()
        file = ATTACHMENT_PATTERN.format(prefix=prefix, ext=AttachmentType.TEXT.extension)
        path = self._folder / file
        digest = hashlib.sha256(octets).digest()
        if not _link(self._files.get(digest), path):
            if not _write(octets, path):
                # What is to become of it is for Allure's own writer, and who stands around it.
                self.reporter.attach_data(prefix, text, name, AttachmentType.TEXT)
                return
            self._files[digest] = path
        step = self.reporter.get_last_item(ExecutableItem)
        step.attachments.append(Attachment(name, file, AttachmentType.TEXT.mime_type))


def _link(there: Path | None, path: Path) -> bool:
    """Whether a file that is there has a further name; some file systems have none, or a limited number."""
    if there is not None:
        with suppress(OSError):
            os.link(there, path)
            return True
    return False


def _write(octets: bytes, path: Path) -> bool:
    """Whether a file is written. Nobody reads it before the result that names it is there."""
    try:
        path.write_bytes(octets)
    except OSError:
        return False
    return True
