"""A secret from a file, as a verb takes it. Who is asked at a terminal is tested with each verb."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from appliance.cli.secret_file import given_secret
from appliance.errors import InputError
from appliance.values import Secret


@pytest.mark.parametrize("text", ["right", "right\n", "right\r\nand more\n"])
def test_the_first_line_of_a_file_is_the_secret(tmp_path: Path, text: str) -> None:
    """However it ends."""
    file = tmp_path / "words"
    file.write_text(text, newline="")
    assert given_secret("password", "Password", file) == Secret("right")


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o640, 0o604])
def test_a_file_that_others_may_read_is_taken_and_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], mode: int
) -> None:
    """In one line, with what to do. The secret is not in it."""
    file = tmp_path / "words"
    file.write_text("right")
    file.chmod(mode)
    assert given_secret("passphrase", "Passphrase", file) == Secret("right")
    told = f"warning: others may read the passphrase in {file}: chmod 600 {file}\n"
    assert capsys.readouterr().err == (told if mode & 0o077 else "")


def test_a_pipe_is_nobody_elses(capsys: pytest.CaptureFixture[str]) -> None:
    """As a shell hands one on: --password-file <(pass show bmc)."""
    reading, writing = os.pipe()
    os.write(writing, b"right\n")
    os.close(writing)
    try:
        assert given_secret("password", "Password", Path(f"/dev/fd/{reading}")) == Secret("right")
    finally:
        os.close(reading)
    assert capsys.readouterr().err == ""


def test_what_cannot_be_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No such file, no text in it; and no terminal to ask at."""
    (tmp_path / "octets").write_bytes(b"\xff\xfe")
    for name, why in (
        ("missing", "No such file or directory"),
        (".", "Is a directory"),
        ("octets", "it is no text"),
    ):
        with pytest.raises(InputError, match="the password cannot be read") as refused:
            given_secret("password", "Password", tmp_path / name)
        assert refused.value.why == why
        assert "whose first line is the password" in refused.value.fix
    with Path(os.devnull).open() as nothing:
        monkeypatch.setattr("sys.stdin", nothing)
        with pytest.raises(InputError) as caught:
            given_secret("passphrase", "Passphrase", None)
    assert "give --passphrase-file FILE" in caught.value.fix
