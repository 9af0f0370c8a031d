"""Allure's attachments: texts that a run attaches more than once are written once."""

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

    A third of them were attached before, as most cards are reset alike, and writing a file takes longer than all else
    about an attachment. Allure 3 takes a file for one attachment only, so that each has a name of its own: a link.

    Args:
        plugin: the listener of allure-pytest.
        folder: of the results.
    """

    def __init__(self, plugin: Any, folder: Path) -> None:
        self._reporter = plugin.allure_logger
        self._folder = str(folder)
        self._files: dict[bytes, str] = {}
        """Files that were written, by the SHA-256 of what is in them."""

    def add(self, text: str, name: str) -> None:
        """Attach a text, under a name for people."""
        prefix = str(uuid4())
        file = ATTACHMENT_PATTERN.format(prefix=prefix, ext=AttachmentType.TEXT.extension)
        digest = hashlib.sha256(text.encode()).digest()
        if self._link(self._files.get(digest), file):
            step = self._reporter.get_last_item(ExecutableItem)
            step.attachments.append(Attachment(name, file, AttachmentType.TEXT.mime_type))
        else:
            self._reporter.attach_data(prefix, text, name, AttachmentType.TEXT)
            self._files[digest] = file

    def _link(self, there: str | None, file: str) -> bool:
        """Whether a file that is there has a further name; some file systems have none, or a limited number."""
        if there is not None:
            with suppress(OSError):
                os.link(os.path.join(self._folder, there), os.path.join(self._folder, file))  # noqa: PTH118  (quick)
                return True
        return False
