"""What the builders share."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.errors import ArtifactError
from appliance.tools import building


def _break_off(target: Path) -> None:
    with building.in_place(target) as draft:
        (draft / "half").write_text("x")
        raise RuntimeError


def test_a_folder_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    """A build that fails half-way leaves nothing; one that ends is in its place."""
    target = tmp_path / "thing"
    with pytest.raises(RuntimeError):
        _break_off(target)
    assert list(tmp_path.iterdir()) == []
    with building.in_place(target) as draft:
        (draft / "whole").write_text("x")
        assert not target.exists()
    assert [path.name for path in target.iterdir()] == ["whole"]


def test_of_two_builders_the_first_wins(tmp_path: Path) -> None:
    """Both had the same inputs: the second's result is thrown away, without an error."""
    target = tmp_path / "thing"
    with building.in_place(target) as draft:
        (draft / "mine").write_text("second")
        target.mkdir()
        (target / "mine").write_text("first")
    assert (target / "mine").read_text() == "first"
    assert list(tmp_path.iterdir()) == [target]


def test_the_digest_knows_every_name_and_text(tmp_path: Path) -> None:
    """A changed text, a renamed file and a moved boundary each give another digest."""
    seen = set()
    for name, text in (("a", "x"), ("a", "y"), ("b", "x")):
        folder = tmp_path / f"{name}{text}"
        folder.mkdir()
        (folder / name).write_text(text)
        seen.add(building.digest(*building.contents(folder)))
    seen |= {building.digest("ab", "c"), building.digest("a", "bc")}
    assert len(seen) == 5


def test_a_missing_tool_is_named_with_its_package() -> None:
    """What to install stands in the error."""
    with pytest.raises(ArtifactError, match="apt install no-such-tool"):
        building.run("a thing", "no-such-tool")


def test_a_failing_tool_is_quoted() -> None:
    """Its last words are the reason."""
    with pytest.raises(ArtifactError, match="sh ended with 3") as raised:
        building.run("a thing", "sh", "-c", "echo no space left >&2; exit 3")
    assert (raised.value.where, raised.value.why) == ("a thing", "no space left")


def test_lists_have_comments(tmp_path: Path) -> None:
    """Empty lines and comments are no entries."""
    path = tmp_path / "packages"
    path.write_text("# why\ncurl\n\nzstd\n")
    assert building.lines(path) == ["curl", "zstd"]


def test_checksums(tmp_path: Path) -> None:
    """Both kinds that upstreams publish."""
    path = tmp_path / "file"
    path.write_bytes(b"")
    assert building.sha("sha256", path).startswith("e3b0c44298fc1c14")
    assert building.sha("sha512", path).startswith("cf83e1357eefb8bd")
