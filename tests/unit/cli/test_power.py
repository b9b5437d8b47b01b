"""The verbs for power, as a process, against sushy-tools' Redfish emulator."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from appliance.paths import Paths
from appliance.store.database import open_database
from appliance.store.machines import Proven, ProvenMachines
from tests.bmc_sites import bmc_site
from tests.ipmi_bmc import PASSWORD as IPMI_PASSWORD
from tests.ipmi_bmc import USER as IPMI_USER
from tests.ipmi_bmc import ipmi_bmc
from tests.redfish_bmc import Bmc, Emulator, certificate, emulating, serving
from tests.unit.cli.running import provision, started


def _private(file: Path, text: str = "right-password\n") -> Path:
    file.write_text(text)
    file.chmod(0o600)
    return file


@pytest.fixture
def bmc(tmp_path: Path) -> Iterator[Emulator]:
    """A BMC with TLS and a password."""
    pem, key, _ = certificate(tmp_path)
    with emulating(
        tmp_path / "bmc", ("hv1",), tls=(pem, key), login=("admin", "right-password")
    ) as emulator:
        yield emulator


@pytest.fixture
def site(tmp_path: Path, bmc: Emulator) -> Path:
    """A site of a machine with that BMC, and one that is switched by hand."""
    path = tmp_path / "site.yaml"
    path.write_text(bmc_site(bmc.url))
    return path


def test_a_machine_is_switched_by_its_bmc(site: Path, tmp_path: Path) -> None:
    """Password, look, on, off; its certificate is kept; one without a BMC says what to press."""
    state = ("--state", tmp_path / "state")
    file = _private(tmp_path / "password")
    code, out, err = provision("power", "status", site, *state)
    assert (code, err) == (0, "")
    assert "provision power password SITE hv1" in out
    code, out, err = provision("power", "password", site, "--password-file", file, *state)
    assert (code, err) == (0, "")
    assert out == "the password of all BMCs that have none of their own is kept\n"
    code, out, _ = provision("power", "status", site, *state)
    assert code == 0
    one, two = out.splitlines()
    assert one.startswith("hv1              off, by Redfish at https://127.0.0.1:")
    assert "certificate sha256:" in one
    assert two == "hv2              unknown, by hand"
    code, out, err = provision("power", "on", site, "hv1", *state)
    assert (code, out, err) == (0, "hv1 was switched on, as it was told\n", "")
    code, out, _ = provision("power", "status", site, "hv1", "--json", *state)
    found = json.loads(out)["machines"]["hv1"]
    assert (found["power"], found["error"]) == ("on", "")
    assert found["inventory"]["macs"] == ["52:54:00:00:00:01"]
    code, out, _ = provision("power", "status", site, "hv1", *state)
    assert "    card           52:54:00:00:00:01" in out
    code, _, err = provision("power", "off", site, "hv1", *state)
    assert (code, "nothing is known here of what runs on it" in err) == (2, True)
    assert provision("power", "off", site, "hv1", "--yes", *state)[0] == 0
    code, _, err = provision("power", "on", site, "hv2", *state)
    assert code == 4
    assert "press the power button of hv2 (network card 52:54:00:00:00:02)" in err


def test_what_is_installed_is_switched_off_only_when_told_twice(site: Path, tmp_path: Path) -> None:
    """Without a terminal the word is --yes; nothing is sent before."""
    state = ("--state", tmp_path / "state")
    file = _private(tmp_path / "password")
    provision("power", "password", site, "hv1", "--password-file", file, *state)
    assert provision("power", "on", site, "hv1", *state)[0] == 0
    with closing(open_database(Paths(tmp_path / "state").site("alpha").database)) as connection:
        ProvenMachines(connection).put(Proven("hv1", installed=1.0))
    for verb in ("off", "cycle"):
        code, _, err = provision("power", verb, site, "hv1", *state)
        assert code == 2
        assert "hv1 would be switched off hard" in err
        assert "it is installed" in err
    code, out, _ = provision("power", "off", site, "hv1", "--yes", *state)
    assert (code, out) == (0, "hv1 was switched off, as it was told\n")


class Slow:
    """A BMC that takes its time, so that a command can be broken off between off and on."""

    def __init__(self, site: Path, url: str, behind: Bmc, state: tuple[str | Path, ...]) -> None:
        self.bmc, self._site, self._state = behind, site, state
        site.write_text(bmc_site(url))
        password = _private(site.with_name("words"))
        provision("power", "password", site, "--password-file", password, *state)
        assert provision("power", "on", site, "hv1", *state)[0] == 0

    def cycled_until_off(self) -> subprocess.Popen[str]:
        """Start off-and-on; give it when off was sent, and on was not."""
        running = started("power", "cycle", self._site, "hv1", "--yes", *self._state)
        for _ in range(600):
            if "ForceOff" in self.bmc.commands():
                return running
            time.sleep(0.05)
        running.kill()
        raise AssertionError(running.communicate())

    def status(self) -> str:
        """Give what is said of the machine."""
        return provision("power", "status", self._site, "hv1", *self._state)[1]


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[Slow]:
    """A machine that is on, behind the emulator; each of its BMC's answers takes a while."""
    with emulating(tmp_path / "slow", ("hv1",)) as emulator:
        bmc = Bmc(behind=emulator.url)
        bmc.delay = 0.1
        with serving(bmc) as url:
            yield Slow(tmp_path / "slow.yaml", url, bmc, ("--state", tmp_path / "slow-state"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_off_and_on_comes_to_its_end_though_it_is_broken_off(
    slow: Slow, number: signal.Signals
) -> None:
    """At the first Ctrl-C; a terminal that is closed is none more."""
    running = slow.cycled_until_off()
    running.send_signal(number)
    out, err = running.communicate(timeout=60)
    assert (running.returncode, out) == (0, "hv1 was switched off and on, as it was told\n")
    assert err == "\nhv1 is switched on again first; Ctrl-C once more ends at once\n"
    assert slow.bmc.commands()[-2:] == ["ForceOff", "On"]


@pytest.mark.parametrize("killed", [False, True])
def test_a_machine_that_was_left_off_is_told_of(slow: Slow, *, killed: bool) -> None:
    """A second Ctrl-C says so itself; after that or a kill, whoever asks next is told."""
    running = slow.cycled_until_off()
    if killed:
        running.kill()
        running.communicate()
    else:
        running.send_signal(signal.SIGINT)
        assert running.stderr is not None
        assert running.stderr.readline() == "\n"
        assert "hv1 is switched on again first" in running.stderr.readline()
        running.send_signal(signal.SIGINT)
        assert "hv1 may be left off" in running.communicate(timeout=60)[1]
        assert running.returncode == 130
    assert slow.bmc.commands()[-1] == "ForceOff"
    text = ""
    for _ in range(50):  # the emulator takes a second
        text = text if "hv1              off" in text else slow.status()
    assert "it is off: an off-and-on that began" in text
    assert "'provision power on SITE hv1' switches it on" in text


def test_another_certificate_stops_everything_until_it_is_taken(
    site: Path, tmp_path: Path, bmc: Emulator
) -> None:
    """The password goes to nobody else; people say when a BMC has a new one."""
    state = ("--state", tmp_path / "state")
    file = _private(tmp_path / "password")
    provision("power", "password", site, "--password-file", file, *state)
    provision("power", "status", site, *state)
    (tmp_path / "other").mkdir()
    pem, key, fingerprint = certificate(tmp_path / "other")
    with emulating(
        tmp_path / "bmc2", ("hv1",), tls=(pem, key), login=("admin", "right-password")
    ) as other:
        # The same address to the store; another certificate behind it.
        database = Paths(tmp_path / "state").site("alpha").database
        with closing(open_database(database)) as connection:
            connection.execute(
                "UPDATE switch SET value = replace(value, ?, ?)", (bmc.url, other.url)
            )
        site.write_text(bmc_site(other.url))
        code, _, err = provision("power", "on", site, "hv1", *state)
        assert code == 4
        assert "BH413" in err
        code, out, _ = provision("power", "status", site, "hv1", "--new-certificate", *state)
        assert code == 0
        assert fingerprint in out


def test_an_unknown_bmc_is_read_into_two_files(site: Path, tmp_path: Path) -> None:
    """A profile to complete, and a recording without names and numbers. Nothing is switched."""
    state = ("--state", tmp_path / "state")
    file = _private(tmp_path / "password")
    provision("power", "password", site, "hv1", "--password-file", file, *state)
    folder = tmp_path / "seen"
    code, out, err = provision("power", "probe", site, "hv1", "--out", folder, *state)
    assert (code, err) == (0, "")
    assert "sushy-tools (tested-here)" in out
    assert {each.name for each in folder.iterdir()} == {"profile.yaml", "tree.json"}
    assert "right-password" not in (folder / "tree.json").read_text()
    assert "off, by Redfish" in provision("power", "status", site, "hv1", *state)[1]
    assert provision("power", "probe", site, "hv2", "--out", folder, *state)[0] == 2
    code, _, err = provision("power", "probe", site, "hv1", "--out", file, *state)
    assert (code, "cannot be written" in err) == (2, True)


def test_what_cannot_be_asked_is_refused(site: Path, tmp_path: Path) -> None:
    """An unknown machine, an unreadable password, no terminal; a wrong password says so."""
    state = ("--state", tmp_path / "state")
    assert provision("power", "on", site, "hv9", *state)[0] == 2
    missing = tmp_path / "missing"
    assert provision("power", "password", site, "--password-file", missing, *state)[0] == 2
    assert provision("power", "password", site, *state)[0] == 2
    assert provision("power", "status", site, "--new-certificate", *state)[0] == 2
    missing.write_text("wrong")
    provision("power", "password", site, "--password-file", missing, *state)
    code, _, err = provision("power", "on", site, "hv1", *state)
    assert code == 4
    assert "BH411" in err
    assert "wrong" not in err.replace("wrong user or password", "")


def test_a_machine_is_switched_by_ipmi(tmp_path: Path) -> None:
    """The same verbs, against Debian's ipmi_sim."""
    site, file, state = tmp_path / "ipmi.yaml", tmp_path / "words", ("--state", tmp_path / "state")
    file.write_text(IPMI_PASSWORD)
    with ipmi_bmc(tmp_path / "bmc") as made:
        site.write_text(bmc_site(made.address, user=IPMI_USER, way="ipmi"))
        provision("power", "password", site, "--password-file", file, *state)
        code, out, err = provision("power", "on", site, "hv1", *state)
        assert (code, out, err) == (0, "hv1 was switched on, as it was told\n", "")
        assert made.power == "on"
        assert "on, by IPMI at 127.0.0.1:" in provision("power", "status", site, "hv1", *state)[1]
        assert provision("power", "off", site, "hv1", "--yes", *state)[0] == 0
        assert made.power == "off"
