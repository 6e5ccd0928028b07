"""Whole files: copied and flushed. Apart from tables, so that it loads no engine."""

import os
import shutil
from pathlib import Path

_AT_ONCE = 1 << 30  # bytes that a copy asks for in one call


def copy_file(source: Path, target: Path) -> None:
    """Copy a file, sharing its blocks where the file system can."""
    try:
        with source.open("rb") as read, target.open("wb") as written:
            while os.copy_file_range(read.fileno(), written.fileno(), _AT_ONCE):
                pass
    except OSError:  # file systems that do not do it
        shutil.copyfile(source, target)


def flush_file(path: Path) -> None:
    """Wait until a file, or a folder's list of names, is on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
