"""A unified kernel image: systemd's EFI stub with kernel, initrd and arguments as PE sections.

Sections and their names: UAPI.5 (Unified Kernel Image); their table: Microsoft's PE format. What
objcopy does with `--add-section` and `--change-section-vma`, without an outside program and the
same to the octet each time.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass

from appliance.errors import ArtifactError

_PE_AT = 0x3C
_SIGNATURE = b"PE\0\0"
_COFF, _SECTION = 20, 40
_PE32_PLUS = 0x20B
_PAGE = 4096
_DATA_READ = 0x40000040  # initialized data, readable
_SIZE_OF_IMAGE, _SIZE_OF_HEADERS, _CHECKSUM = 56, 60, 64


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where a PE file keeps what is to be changed. Offsets in the file, sizes in octets."""

    count_at: int
    optional_at: int
    table_at: int
    count: int
    file_alignment: int
    headers: int


def join(stub: bytes, sections: Mapping[str, bytes]) -> bytes:
    """Give the stub with these sections behind its own, in this order.

    Raises ArtifactError where the stub is no 64-bit PE file, or has no room for their headers.
    """
    layout = _layout(stub)
    end = layout.table_at + _SECTION * (layout.count + len(sections))
    if end > layout.headers or any(stub[layout.table_at + _SECTION * layout.count : end]):
        raise _bad("its header has no room for more sections")
    image = bytearray(stub)
    image.extend(bytes(-len(image) % layout.file_alignment))
    address = _end_address(stub, layout)
    for index, (name, data) in enumerate(sections.items()):
        address = _up(address, _PAGE)
        size = _up(len(data), layout.file_alignment)
        header = struct.pack(
            "<8sIIII12xI", name.encode(), len(data), address, size, len(image), _DATA_READ
        )
        at = layout.table_at + _SECTION * (layout.count + index)
        image[at : at + _SECTION] = header
        image += data
        image.extend(bytes(size - len(data)))
        address += len(data)
    struct.pack_into("<H", image, layout.count_at, layout.count + len(sections))
    struct.pack_into("<I", image, layout.optional_at + _SIZE_OF_IMAGE, _up(address, _PAGE))
    struct.pack_into("<I", image, layout.optional_at + _CHECKSUM, 0)  # UEFI does not look at it
    return bytes(image)


def sections(image: bytes) -> dict[str, bytes]:
    """Give the sections of a PE file by name. Raises ArtifactError where it is none."""
    layout = _layout(image)
    found = {}
    for index in range(layout.count):
        at = layout.table_at + _SECTION * index
        name, size, _, _, offset = struct.unpack_from("<8sIIII", image, at)
        found[name.rstrip(b"\0").decode("ascii", "replace")] = image[offset : offset + size]
    return found


def _layout(image: bytes) -> _Layout:
    try:
        (at,) = struct.unpack_from("<I", image, _PE_AT)
        count, optional = struct.unpack_from("<2xH12xH", image, at + 4)
        optional_at = at + len(_SIGNATURE) + _COFF
        (magic,) = struct.unpack_from("<H", image, optional_at)
        (alignment,) = struct.unpack_from("<I", image, optional_at + 36)
        (headers,) = struct.unpack_from("<I", image, optional_at + _SIZE_OF_HEADERS)
    except struct.error:
        raise _bad("it is too short") from None
    if image[at : at + 4] != _SIGNATURE or magic != _PE32_PLUS or not alignment:
        raise _bad("it is no 64-bit PE file")
    table_at = optional_at + optional
    return _Layout(at + 6, optional_at, table_at, count, alignment, headers)


def _end_address(stub: bytes, layout: _Layout) -> int:
    ends = [0]
    for index in range(layout.count):
        size, address = struct.unpack_from("<II", stub, layout.table_at + _SECTION * index + 8)
        ends.append(address + size)
    return max(ends)


def _up(value: int, step: int) -> int:
    return -(-value // step) * step


def _bad(why: str) -> ArtifactError:
    return ArtifactError(
        "the EFI stub cannot be made into a kernel image",
        where="the stage-1 image",
        why=why,
        fix="use the stub of Debian's systemd-boot-efi",
    )
