"""The operator's password: set once with a code, hashed, changed, reset."""

from __future__ import annotations

import stat
from pathlib import Path
from threading import Thread

import pytest

from appliance.errors import AccessError, InputError, PreflightError
from appliance.values import Secret
from appliance.web.password import PasswordStore, check_password
from tests.unit.web.wizard_world import CHEAP, PASSWORD


def store(folder: Path) -> PasswordStore:
    """Give the store of a folder; another one of the same folder is another process' view."""
    return PasswordStore(folder / "state" / "operator.json", CHEAP)


def test_a_code_sets_the_password_once(tmp_path: Path) -> None:
    """The code is spent; a second use changes nothing."""
    here = store(tmp_path)
    code = here.new_code()
    assert not here.verify(Secret(PASSWORD))

    here.set_first(code, Secret(PASSWORD))

    assert here.is_set
    assert here.verify(Secret(PASSWORD))
    with pytest.raises(AccessError, match="one-time code"):
        here.set_first(code, Secret("another good password"))
    assert here.verify(Secret(PASSWORD))


def test_a_code_is_taken_however_it_is_typed(tmp_path: Path) -> None:
    """Small letters, spaces for dashes: read off one screen, typed on another."""
    here = store(tmp_path)
    code = here.new_code().reveal()

    here.set_first(Secret(f" {code.lower().replace('-', ' ')} "), Secret(PASSWORD))

    assert here.verify(Secret(PASSWORD))


@pytest.mark.parametrize("wrong", ["", "AAAA-BBBB-CCCC", "x" * 100_000, "\udcff"])
def test_a_wrong_code_sets_nothing(tmp_path: Path, wrong: str) -> None:
    """Also one that no encoder takes, and one as long as a book."""
    here = store(tmp_path)
    here.new_code()

    with pytest.raises(AccessError):
        here.set_first(Secret(wrong), Secret(PASSWORD))

    assert not here.is_set


def test_a_new_code_voids_the_one_before(tmp_path: Path) -> None:
    """What stood on an older screen is worth nothing."""
    here = store(tmp_path)
    old, new = here.new_code(), here.new_code()

    with pytest.raises(AccessError):
        here.set_first(old, Secret(PASSWORD))
    here.set_first(new, Secret(PASSWORD))


def test_nothing_that_is_secret_is_in_the_file(tmp_path: Path) -> None:
    """Hashes only, in a file that nobody else may read."""
    here = store(tmp_path)
    code = here.new_code()
    file = tmp_path / "state" / "operator.json"
    plain = code.reveal().replace("-", "")
    assert code.reveal() not in file.read_text()
    assert plain not in file.read_text()

    here.set_first(code, Secret(PASSWORD))

    assert PASSWORD not in file.read_text()
    assert "$argon2id$" in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [each.name for each in file.parent.iterdir()] == ["operator.json"]


def test_a_change_makes_a_new_epoch(tmp_path: Path) -> None:
    """Sessions name the epoch: those of the old password end. The signing key stays."""
    here = store(tmp_path)
    here.set_first(here.new_code(), Secret(PASSWORD))
    epoch, key = here.epoch(), here.session_key()

    with pytest.raises(AccessError, match="not the password"):
        here.change(Secret("a wrong password"), Secret("another good password"))
    assert here.epoch() == epoch
    here.change(Secret(PASSWORD), Secret("another good password"))

    assert here.epoch() != epoch
    assert here.session_key() == key
    assert here.verify(Secret("another good password"))
    assert not here.verify(Secret(PASSWORD))


def test_a_reset_by_another_process_is_true_at_once(tmp_path: Path) -> None:
    """The laptop's console, while the wizard runs."""
    wizard, console = store(tmp_path), store(tmp_path)
    wizard.set_first(wizard.new_code(), Secret(PASSWORD))
    epoch = wizard.epoch()

    code = console.reset()

    assert not wizard.is_set
    assert not wizard.verify(Secret(PASSWORD))
    assert wizard.epoch() != epoch
    wizard.set_first(code, Secret("another good password"))
    assert console.verify(Secret("another good password"))


def test_many_at_once_agree_on_one_key(tmp_path: Path) -> None:
    """The first request may be thirty-two of them."""
    here = store(tmp_path)
    keys: list[Secret] = []
    threads = [Thread(target=lambda: keys.append(here.session_key())) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(keys) == 16
    assert set(keys) == {store(tmp_path).session_key()}


@pytest.mark.parametrize("content", ["", "{", "[]", '{"key": "x"}', '{"other": 1}', "\udcff"])
def test_a_damaged_file_is_named(tmp_path: Path, content: str) -> None:
    """With what to do; it never counts as no password."""
    here = store(tmp_path)
    here.new_code()
    file = tmp_path / "state" / "operator.json"
    file.write_bytes(content.encode("utf-8", "surrogateescape"))

    with pytest.raises(PreflightError, match="cannot be read") as refused:
        _ = here.is_set

    assert refused.value.where == str(file)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("brief", "too short"),
        ("x" * 257, "too long"),
        ("aaaaaaaaaaaa", "same few"),
        ("four plain\twords", "cannot be typed"),
        ("four plain\udcff words", "cannot be typed"),
    ],
)
def test_a_password_that_will_not_do_is_refused(text: str, what: str) -> None:
    """Each says what to do instead, and none repeats what was typed."""
    with pytest.raises(InputError, match=what) as refused:
        check_password(Secret(text))

    assert refused.value.where == "password"
    assert refused.value.fix
    assert text not in str(refused.value)


def test_words_of_any_language_will_do() -> None:
    """A password is text, not ASCII."""
    check_password(Secret("größe über alles"))
    check_password(Secret("пароль из слов"))
