"""The live system's log, from a real SSH server on loopback, without a secret in it."""

from __future__ import annotations

from ipaddress import IPv4Address
from pathlib import Path

import pytest

from appliance.errors import StepError
from appliance.flow.secrets import site_secrets
from appliance.machines.live_log import LIMIT, LOG, clean, fetch_log
from appliance.values import Secret
from tests.sshd import serving
from tests.unit.flow.support import context_in

HERE = IPv4Address("127.0.0.1")
PASSWORD = Secret("the site's own password")
TOKEN = Secret("cluster-token-1234")
CRYPT = "$6$3umtovdY4sc1K7iu$" + "a" * 86


def test_the_log_without_its_secrets(tmp_path: Path) -> None:
    """The installer's last words, blanked where a secret stood; the host's key is told."""
    log = tmp_path / "console.log"
    log.write_text(f"installing\ntoken {TOKEN.reveal()}\nhash {CRYPT}\nno default route\n")
    with serving("rancher", rewrite=(LOG, str(log))) as sshd:
        found = fetch_log(HERE, password=PASSWORD, secrets=(TOKEN,), port=sshd.port)
    assert found.text.startswith("installing\n")
    assert found.text.endswith("no default route\n")
    assert TOKEN.reveal() not in found.text
    assert CRYPT not in found.text
    assert found.fingerprint == sshd.fingerprint


def test_the_sites_password_never_goes_to_an_unknown_host() -> None:
    """Whoever sits at that address may offer SSH: only the manual's password is tried."""
    with serving(PASSWORD.reveal()) as sshd, pytest.raises(StepError, match="login is refused"):
        fetch_log(HERE, password=PASSWORD, port=sshd.port)
    assert sshd.passwords == ["rancher"]


def test_the_sites_key_opens_a_live_system_that_took_its_configuration(tmp_path: Path) -> None:
    """The manual's password is gone by then; the key is tried first and gives nothing away."""
    log = tmp_path / "console.log"
    log.write_text("silent since\n")
    with context_in(tmp_path) as context:
        secrets = site_secrets(context.vault)
    with serving(PASSWORD.reveal(), rewrite=(LOG, str(log))) as sshd:
        sshd.public_key = secrets.ssh_public
        found = fetch_log(HERE, password=PASSWORD, key=secrets.ssh_key, port=sshd.port)
    assert found.text == "silent since\n"
    assert sshd.passwords == []


def test_a_key_that_is_not_wanted_yet_gives_way_to_the_manuals_password(tmp_path: Path) -> None:
    """Before its configuration arrives, a live system knows no key."""
    log = tmp_path / "console.log"
    log.write_text("no configuration\n")
    with context_in(tmp_path) as context:
        key = site_secrets(context.vault).ssh_key
    with serving("rancher", rewrite=(LOG, str(log))) as sshd:
        found = fetch_log(HERE, password=PASSWORD, key=key, port=sshd.port)
    assert found.text == "no configuration\n"


def test_a_known_host_is_asked_with_the_sites_password(tmp_path: Path) -> None:
    """Where its key is known."""
    log = tmp_path / "console.log"
    log.write_text("words\n")
    with serving(PASSWORD.reveal(), rewrite=(LOG, str(log))) as sshd:
        known = frozenset({sshd.fingerprint})
        found = fetch_log(HERE, password=PASSWORD, known_hosts=known, port=sshd.port)
    assert found.text == "words\n"


def test_only_the_end_of_a_long_log(tmp_path: Path) -> None:
    """Bounded, and it is the end that is wanted."""
    log = tmp_path / "console.log"
    log.write_text("x" * (2 * LIMIT) + "\nlast words\n")
    with serving("rancher", rewrite=(LOG, str(log))) as sshd:
        found = fetch_log(HERE, password=PASSWORD, port=sshd.port)
    assert len(found.text) == LIMIT
    assert found.text.endswith("last words\n")


def test_a_system_without_that_log(tmp_path: Path) -> None:
    """It is no installer: said so."""
    wanted = pytest.raises(StepError, match="no log of an installer")
    with serving("rancher", rewrite=(LOG, str(tmp_path / "none"))) as sshd, wanted:
        fetch_log(HERE, password=PASSWORD, port=sshd.port)


def test_nobody_answers() -> None:
    """A machine that is off."""
    with pytest.raises(StepError, match="no SSH session"):
        fetch_log(HERE, password=PASSWORD, port=1)


def test_a_screen_becomes_text() -> None:
    """Colours, titles and control characters of the installer's screen do not reach a terminal."""
    raw = b"\x1b[31;1mred\x1b[0m\x1b]0;title\x07 \x9b\x00ok\r\nnext\rover\xff\n"
    assert clean(raw, ()) == "red �ok\nnextover�\n"
