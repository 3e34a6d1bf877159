"""Documents by the SHA-256 of their bytes, one file each in one folder.

A document is never changed: other bytes have another name. So the folder can be copied while in use.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import tempfile
from pathlib import Path


class DocumentChanged(Exception):
    """A kept document no longer has the bytes it is named by; its text is one sentence."""


class Documents:
    """The folder. Names are ``ab/abcdef…``: the first two digits, so that no folder grows endless."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def put(self, source: bytes | Path) -> str:
        """Keep a document, once however often it is given; returns its SHA-256.

        Raises:
            OSError: it cannot be read, or the folder cannot be written.
        """
        content = source.read_bytes() if isinstance(source, Path) else source
        digest = hashlib.sha256(content).hexdigest()
        path = self._path(digest)
        if path.exists():
            return digest
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, unfinished = tempfile.mkstemp(dir=path.parent, prefix=".")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                # The hash goes into a history that outlives a power cut; the bytes must, too.
                os.fsync(file.fileno())
            Path(unfinished).replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(unfinished).unlink()
            raise
        return digest

    def get(self, digest: str) -> bytes:
        """A document's bytes.

        Raises:
            FileNotFoundError: there is none of this hash.
            DocumentChanged: its file was altered.
        """
        content = self._path(digest).read_bytes()
        if hashlib.sha256(content).hexdigest() != digest:
            raise DocumentChanged(f"The document {digest} was changed in {self.root}; restore it from a backup.")
        return content

    def __contains__(self, digest: str) -> bool:
        return self._path(digest).exists()

    def _path(self, digest: str) -> Path:
        # A digest that comes from outside must not name another file.
        if not re.fullmatch(r"[0-9a-f]{64}", digest):
            raise FileNotFoundError(f"{digest!r} is not the SHA-256 of a document.")
        return self.root / digest[:2] / digest
