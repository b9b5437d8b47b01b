"""Zstandard by the system's library."""

from __future__ import annotations

import random
import shutil
import subprocess

import pytest

from appliance.lab.rke2.program.zstd import ZstdError, compress, decompress


@pytest.mark.parametrize("size", [0, 1, 1 << 17, (1 << 17) + 1, 1_000_000])
def test_there_and_back(size: int) -> None:
    """Sizes around the room for one piece, of data that does not compress."""
    data = random.Random(size).randbytes(size)
    assert decompress(compress(data)) == data


def test_zeros_fill_many_pieces() -> None:
    """A small stream that becomes large."""
    assert decompress(compress(bytes(2_000_000))) == bytes(2_000_000)


@pytest.mark.parametrize("cut", [1, 5, 40])
def test_a_cut_stream_is_refused(cut: int) -> None:
    """As an unexpected end."""
    whole = compress(random.Random(1).randbytes(100))
    with pytest.raises(ZstdError):
        decompress(whole[:-cut])


def test_what_is_no_stream_is_refused() -> None:
    """In the library's words."""
    with pytest.raises(ZstdError, match="Unknown frame descriptor"):
        decompress(b"no such stream")


@pytest.mark.skipif(shutil.which("zstd") is None, reason="the zstd program is not installed")
def test_the_program_of_the_same_name_reads_it() -> None:
    """And its streams, written through a pipe without their size, are read here."""
    data = b"stand-in " * 1000
    out = subprocess.run(["zstd", "-dc"], input=compress(data), capture_output=True, check=True)
    packed = subprocess.run(["zstd", "-c"], input=data, capture_output=True, check=True)

    assert out.stdout == data
    assert decompress(packed.stdout) == data
