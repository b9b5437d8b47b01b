"""A site's state goes to a second laptop, whole and sealed."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from appliance.errors import BusyError, InputError, PreflightError
from appliance.flow.transferring import export_state, import_state
from appliance.paths import Paths
from appliance.store.database import open_database
from appliance.store.documents import Frozen
from appliance.store.journal import Journal
from appliance.store.lock import hold
from appliance.store.vault import Vault, host_key
from appliance.values import Secret

_WORDS = Secret("five words that nobody guesses")


def _laptop(folder: Path, secret: str = "token-0815") -> Paths:
    paths = Paths(folder)
    site = paths.site("alpha")
    with closing(open_database(site.database)) as connection:
        Journal(connection, lambda: 1.0).add_event("finding", "it began here")
        Frozen(connection).write({"vip": "10.20.0.10"})
        Vault(connection, host_key(paths.host_key)).put("cluster-token", Secret(secret))
    (site.folder / "terraform").mkdir()
    (site.folder / "terraform" / "terraform.tfstate").write_text('{"serial": 4}')
    (site.folder / "terraform" / "kubeconfig").write_text("made anew")
    (site.folder / "reports").mkdir()
    (site.folder / "reports" / "report.html").write_text("<p>")
    return paths


def _secret(paths: Paths) -> str:
    with closing(open_database(paths.site("alpha").database)) as connection:
        found = Vault(connection, host_key(paths.host_key)).get("cluster-token")
    return found.reveal() if found else ""


def test_a_second_laptop_goes_on_where_the_first_ended(tmp_path: Path) -> None:
    """Journal, frozen values, secrets, Terraform's state and reports are there; keys differ."""
    first, second = _laptop(tmp_path / "one"), Paths(tmp_path / "two")
    sealed = export_state("alpha", first, tmp_path / "alpha.sealed", _WORDS)
    assert sealed.stat().st_mode & 0o777 == 0o600
    assert b"token-0815" not in sealed.read_bytes()
    assert import_state(sealed, second, lambda: _WORDS) == "alpha"
    site = second.site("alpha")
    with closing(open_database(site.database)) as connection:
        events = [each.text for each in Journal(connection, lambda: 2.0).events()]
        assert Frozen(connection).read() == {"vip": "10.20.0.10"}
    assert events == ["it began here"]
    assert _secret(second) == "token-0815"
    assert first.host_key.read_text() != second.host_key.read_text()
    assert (site.folder / "terraform" / "terraform.tfstate").read_text() == '{"serial": 4}'
    assert not (site.folder / "terraform" / "kubeconfig").exists()
    assert (site.folder / "reports" / "report.html").exists()
    assert site.database.stat().st_mode & 0o777 == 0o600
    assert not [each for each in second.root.iterdir() if each.name.startswith(".")]


def test_a_known_site_is_replaced_only_when_said(tmp_path: Path) -> None:
    """And what was there is kept beside."""
    first, second = _laptop(tmp_path / "one"), _laptop(tmp_path / "two", "older")
    sealed = export_state("alpha", first, tmp_path / "alpha.sealed", _WORDS)
    with pytest.raises(PreflightError, match="already"):
        import_state(sealed, second, lambda: _WORDS)
    assert _secret(second) == "older"
    import_state(sealed, second, lambda: _WORDS, replace=True)
    assert _secret(second) == "token-0815"
    kept = [each for each in second.site("alpha").folder.iterdir() if ".before-" in each.name]
    assert len(kept) == 1
    assert (kept[0] / "main.db").exists()


def test_nobody_is_asked_for_the_passphrase_of_what_cannot_be_imported(tmp_path: Path) -> None:
    """No file, no sealed one, or a state that is here already: said before anything is typed."""

    def never() -> Secret:
        raise AssertionError("asked")

    first = _laptop(tmp_path / "one")
    sealed = export_state("alpha", first, tmp_path / "alpha.sealed", _WORDS)
    with pytest.raises(InputError, match="cannot be read") as caught:
        import_state(tmp_path / "nosuch", first, never)
    assert caught.value.why == "No such file or directory"
    assert "export state" in caught.value.fix
    (tmp_path / "site.yaml").write_text("site: alpha\n")
    with pytest.raises(InputError, match="no sealed state"):
        import_state(tmp_path / "site.yaml", first, never)
    with pytest.raises(PreflightError, match="already"):
        import_state(sealed, first, never)


def test_a_wrong_passphrase_changes_nothing(tmp_path: Path) -> None:
    """Nor does a damaged file."""
    sealed = export_state("alpha", _laptop(tmp_path / "one"), tmp_path / "a.sealed", _WORDS)
    second = Paths(tmp_path / "two")
    with pytest.raises(InputError, match="does not open"):
        import_state(sealed, second, lambda: Secret("other words, other words"))
    sealed.write_bytes(sealed.read_bytes()[:-5])
    with pytest.raises(InputError, match="does not open"):
        import_state(sealed, second, lambda: _WORDS)
    assert not second.root.exists()


def test_nothing_is_exported_while_a_run_goes_on(tmp_path: Path) -> None:
    """A state that changes meanwhile would be none."""
    paths = _laptop(tmp_path / "one")
    held = hold(paths.site("alpha").lock, who="provision run", since="now")
    with held, pytest.raises(BusyError):
        export_state("alpha", paths, tmp_path / "a.sealed", _WORDS)


@pytest.mark.parametrize("place", ["nowhere/a.sealed", "."])
def test_a_place_that_takes_no_file_is_said(tmp_path: Path, place: str) -> None:
    """One error with what to do, and no half file."""
    paths = _laptop(tmp_path / "one")
    with pytest.raises(InputError) as refused:
        export_state("alpha", paths, tmp_path / place, _WORDS)
    assert refused.value.fix
    assert [each.name for each in tmp_path.iterdir()] == ["one"]


def test_a_site_that_never_ran_has_nothing_to_export(tmp_path: Path) -> None:
    """It is said where it was looked for."""
    with pytest.raises(PreflightError, match="no state"):
        export_state("alpha", Paths(tmp_path), tmp_path / "a.sealed", _WORDS)
