"""Compress a wheel's files harder, in place: python .ci/repack_wheel.py WHEEL

zopfli writes the same deflate streams that every unzip reads, some 4% smaller. What the wheel's
RECORD says stays true: it has the digests of the files, not of their streams.
"""

import sys
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

from zopfli import ZipFile as ZopfliFile  # a ZipFile that deflates so


def repack(wheel: Path) -> None:
    smaller = wheel.with_suffix(".smaller")
    with ZipFile(wheel) as source, ZopfliFile(smaller, "w", ZIP_DEFLATED) as target:
        for entry in source.infolist():
            target.writestr(entry, source.read(entry))
    with ZipFile(wheel) as source, ZipFile(smaller) as target:
        for entry in source.infolist():
            if target.read(entry.filename) != source.read(entry):
                raise SystemExit(f"{entry.filename}: other bytes after the compression")
    smaller.replace(wheel)


if __name__ == "__main__":
    repack(Path(sys.argv[1]))
