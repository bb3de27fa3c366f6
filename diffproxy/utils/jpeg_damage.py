"""Damage of JPEG files that their decoder does not report."""

from __future__ import annotations

BASELINE = (0xC0, 0xC1)  # markers of frames whose scans hold whole coefficients
TABLES, SCAN = 0xC4, 0xDA
LUMINANCE_AC = 0x10
ZEROS = 32  # bytes


def zeroed_block(data: bytes) -> str:
    """What to say of a block of zero bytes in the compressed pixels, as failed copies leave it; "" without one.

    Zero bits decode to something, so that the decoder may find its way back without a word. In intact files a run of
    zeros means coefficients of -1 all over many blocks, which no image has. The exceptions are not examined:
    progressive files, and luminance tables whose shortest code ends a block (of images that are flat).
    """
    if data[:2] != b"\xff\xd8":
        return ""
    place, baseline = 2, False
    while place + 4 <= len(data) and data[place] == 0xFF:
        kind, size = data[place + 1], int.from_bytes(data[place + 2 : place + 4], "big")
        if kind == TABLES and _ends_a_block_with_zeros(data[place + 4 : place + 2 + size]):
            return ""
        baseline |= kind in BASELINE
        place += 2 + size
        if kind == SCAN:
            break
    start = data.find(bytes(ZEROS), place) if baseline else -1
    if start < 0:
        return ""
    count = len(data) - start - len(data[start:].lstrip(b"\0"))
    return f"{count} zero bytes in a row from byte {start}: part of the file was not copied"


def _ends_a_block_with_zeros(tables: bytes) -> bool:
    """Whether the code of zeros alone of the luminance AC table is the end of a block."""
    place = 0
    while place + 17 < len(tables):
        counts = tables[place + 1 : place + 17]
        if tables[place] == LUMINANCE_AC and tables[place + 17] == 0:
            return True
        place += 17 + sum(counts)
    return False
