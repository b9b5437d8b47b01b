"""Zstandard by the system's own library: Python 3.11 has none, and libzstd is on every Debian."""

from __future__ import annotations

import ctypes
from typing import Any

_ROOM = 1 << 17


class ZstdError(Exception):
    """These bytes are no whole Zstandard stream."""


class _Buffer(ctypes.Structure):
    """`ZSTD_inBuffer` and `ZSTD_outBuffer` (zstd.h)."""

    _fields_ = (
        ("data", ctypes.c_void_p),
        ("size", ctypes.c_size_t),
        ("pos", ctypes.c_size_t),
    )


def _library() -> Any:
    try:
        library = ctypes.CDLL("libzstd.so.1")
    except OSError as error:
        raise ZstdError("libzstd.so.1 is not installed") from error
    library.ZSTD_createDStream.restype = ctypes.c_void_p
    library.ZSTD_freeDStream.argtypes = [ctypes.c_void_p]
    library.ZSTD_decompressStream.restype = ctypes.c_size_t
    library.ZSTD_decompressStream.argtypes = [
        ctypes.c_void_p,
        ctypes.POINTER(_Buffer),
        ctypes.POINTER(_Buffer),
    ]
    library.ZSTD_compressBound.restype = ctypes.c_size_t
    library.ZSTD_compressBound.argtypes = [ctypes.c_size_t]
    library.ZSTD_compress.restype = ctypes.c_size_t
    library.ZSTD_compress.argtypes = [
        ctypes.c_void_p,
        ctypes.c_size_t,
        ctypes.c_char_p,
        ctypes.c_size_t,
        ctypes.c_int,
    ]
    library.ZSTD_isError.argtypes = [ctypes.c_size_t]
    library.ZSTD_getErrorName.restype = ctypes.c_char_p
    library.ZSTD_getErrorName.argtypes = [ctypes.c_size_t]
    return library


def decompress(data: bytes) -> bytes:
    """Give what a stream holds. Raises ZstdError if it is damaged or cut off."""
    library = _library()
    stream = library.ZSTD_createDStream()
    try:
        return _decompress(library, stream, data)
    finally:
        library.ZSTD_freeDStream(stream)


def _decompress(library: Any, stream: int, data: bytes) -> bytes:
    source = ctypes.create_string_buffer(data, len(data))
    room = ctypes.create_string_buffer(_ROOM)
    given = _Buffer(ctypes.addressof(source), len(data), 0)
    result = bytearray()
    while True:
        taken = _Buffer(ctypes.addressof(room), _ROOM, 0)
        left = library.ZSTD_decompressStream(stream, ctypes.byref(taken), ctypes.byref(given))
        if library.ZSTD_isError(left):
            raise ZstdError(library.ZSTD_getErrorName(left).decode())
        result += room.raw[: taken.pos]
        if given.pos == len(data):
            if left == 0:
                return bytes(result)
            if taken.pos < _ROOM:
                raise ZstdError("unexpected EOF")


def compress(data: bytes, level: int = 19) -> bytes:
    """Compress in one piece. Raises ZstdError without the library."""
    library = _library()
    bound = library.ZSTD_compressBound(len(data))
    room = ctypes.create_string_buffer(bound)
    size = library.ZSTD_compress(room, bound, data, len(data), level)
    if library.ZSTD_isError(size):
        raise ZstdError(library.ZSTD_getErrorName(size).decode())
    return room.raw[:size]
