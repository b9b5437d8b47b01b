"""A site whose machines nobody touches: sushy-tools' Redfish emulator is their BMCs."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.flow.rehearsed_site import (
    CREATE,
    JOIN,
    EventDict,
    Provision,
    RehearsedSite,
    is_seen,
    rehearsed_site,
    says,
)
from tests.flow.scripted_machine import ScriptedMachine, enter
from tests.redfish_bmc import Emulator, certificate, emulating

pytestmark = pytest.mark.root

_PASSWORD = "calvin-and-hobbes"
_LOGIN = {"Authorization": f"Basic {base64.b64encode(f'admin:{_PASSWORD}'.encode()).decode()}"}
_TRUSTING = ssl.create_default_context()
_TRUSTING.check_hostname = False
_TRUSTING.verify_mode = ssl.CERT_NONE
_SITE = """\
site: alpha
networks:
  main: {{cidr: 10.77.0.0/24, gateway: 10.77.0.1}}
hypervisor:
  harvester: v1.8.2
  machines:
    hv1:
      role: create
      mac: "52:54:00:77:00:11"
      disk: /dev/disk/by-id/virtio-A
      bmc: {{address: "{url}", user: admin, system: 00000000-0000-4000-8000-000000000001}}
    hv2:
      role: join
      mac: "52:54:00:77:00:12"
      disk: /dev/disk/by-id/virtio-B
      bmc: {{address: "{url}", user: admin, system: 00000000-0000-4000-8000-000000000002}}
"""


class Wires:
    """Between the BMCs and the machines: what the emulator switches, a machine does.

    `cut`: nothing comes through, as where a BMC says on and the board is dead.
    """

    def __init__(self, site: RehearsedSite, emulator: Emulator, *machines: ScriptedMachine) -> None:
        self.cut = False
        self.boots: dict[int, list[str]] = {number: [] for number in range(len(machines))}
        self._site = site
        self._address = urlsplit(emulator.url).netloc
        self._machines = machines
        self._on = [False] * len(machines)
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Let go."""
        self._end.set()
        self._thread.join(20)

    def disc_of(self, number: int) -> str:
        """Give the URL of what is in a BMC's drive, empty for nothing."""
        path = f"/redfish/v1/Systems/{self._uuid(number)}/VirtualMedia/Cd"
        with ThreadPoolExecutor(
            1, initializer=enter, initargs=(self._site.network.appliance,)
        ) as there:
            shown = there.submit(self._get, path).result()
        return str(shown["Image"] or "") if shown["Inserted"] else ""

    def _watch(self) -> None:
        enter(self._site.network.appliance)
        while not self._end.wait(0.1):
            for number, machine in enumerate(self._machines):
                with suppress(OSError, ValueError, KeyError):
                    self._follow(number, machine)

    def _follow(self, number: int, machine: ScriptedMachine) -> None:
        system = self._system(number)
        on = system["PowerState"] == "On"
        if on is self._on[number] or self.cut:
            return
        self._on[number] = on
        if on:
            self.boots[number].append(system["Boot"]["BootSourceOverrideTarget"])
            machine.power_on()
        else:
            machine.power_off()

    def _system(self, number: int) -> EventDict:
        return self._get(f"/redfish/v1/Systems/{self._uuid(number)}")

    def _uuid(self, number: int) -> str:
        return f"00000000-0000-4000-8000-{number + 1:012}"

    def _get(self, path: str) -> EventDict:
        line = http.client.HTTPSConnection(self._address, timeout=10, context=_TRUSTING)
        try:
            line.request("GET", path, headers=_LOGIN)
            found: EventDict = json.loads(line.getresponse().read())
            return found
        finally:
            line.close()


class World:
    """The site, its BMCs and its machines."""

    def __init__(self, site: RehearsedSite, emulator: Emulator) -> None:
        self.site = site
        self.hv1, self.hv2 = site.machine(CREATE), site.machine(JOIN)
        self.wires = Wires(site, emulator, self.hv1, self.hv2)

    def power(self, verb: str, *words: str) -> str:
        """Run a verb of `provision power` to its end; give what it printed."""
        site = self.site
        state = ("--state", str(site.state))
        done = Provision(["power", verb, str(site.file), *words, *state], prefix=site.inside)
        site.stack.callback(done.close)
        assert done.end() == 0, done.errors
        return "\n".join(done.plain)

    def password(self, text: str) -> None:
        """Give the password of the BMCs."""
        file = self.site.folder / "password"
        file.write_text(text)
        self.power("password", "--password-file", str(file))


@contextmanager
def _world(folder: Path) -> Iterator[World]:
    with rehearsed_site(_SITE.format(url="https://127.0.0.1:9")) as site:
        pem, key, _ = certificate(folder)
        with emulating(
            folder / "bmc",
            ("hv1", "hv2"),
            tls=(pem, key),
            login=("admin", _PASSWORD),
            prefix=tuple(site.inside),
            macs=(str(CREATE), str(JOIN)),
        ) as emulator:
            site.file.write_text(_SITE.format(url=emulator.url))
            world = World(site, emulator)
            try:
                yield world
            finally:
                world.wires.stop()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Two machines, switched off, with their BMCs."""
    with _world(tmp_path) as made:
        yield made


def _is_power(machine: str, act: str) -> object:
    return lambda event: (
        event.get("kind") == "power"
        and event.get("machine") == machine
        and event.get("data", {}).get("act") == act
    )


def _acts(run: Provision, machine: str) -> list[str]:
    return [
        each["data"]["act"]
        for each in run.history
        if each.get("kind") == "power" and each.get("machine") == machine
        if each["data"].get("act")
    ]


def test_nobody_touches_a_machine(world: World) -> None:
    """`provision run` alone: both are powered, installed once, and boot from their disks then.

    An ordered reinstallation is powered too, and touches nothing else.
    """
    world.password(_PASSWORD)
    run = world.site.run()
    assert run.end(seconds=180) == 0, run.errors
    assert run.ended["machines"] == {"hv1": "ready", "hv2": "ready"}
    assert (world.hv1.partitioned, world.hv2.partitioned) == (1, 1)
    assert _acts(run, "hv1") == _acts(run, "hv2") == ["boot-network", "on", "boot-disk"]
    assert world.wires.boots == {0: ["Pxe"], 1: ["Pxe"]}
    assert _PASSWORD not in json.dumps(run.history)
    again = world.site.run()
    assert again.end(seconds=90) == 0, again.errors
    assert _acts(again, "hv1") == []
    world.site.done("reinstall", "hv1", "--yes")
    anew = world.site.run()
    assert anew.end(seconds=180) == 0, anew.errors
    assert (world.hv1.partitioned, world.hv2.partitioned) == (2, 1)
    assert _acts(anew, "hv1") == ["boot-network", "cycle", "boot-disk"]
    assert _acts(anew, "hv2") == []
    assert "hv1              on, by Redfish" in world.power("status")


def _has_disc(world: World) -> None:
    """Say in the site file that hv1 is to start from the boot disc."""
    text = world.site.file.read_text()
    world.site.file.write_text(text.replace("000000000001}", "000000000001, boot: disc}"))


def test_a_disc_that_a_killed_run_left_is_taken_out_by_the_next(world: World) -> None:
    """The machine comes meanwhile, and is installed once."""
    world.password(_PASSWORD)
    _has_disc(world)
    run = world.site.run()
    run.until(_is_power("hv1", "on"))  # type: ignore[arg-type]
    run.kill()
    assert world.wires.disc_of(0).endswith("/a/ipxe.iso")
    run = world.site.run()
    assert run.end(seconds=180) == 0, run.errors
    assert _acts(run, "hv1") == ["eject", "boot-disk"]
    assert world.wires.disc_of(0) == ""
    assert world.hv1.partitioned == 1


def test_a_machine_that_only_a_disc_brings(world: World) -> None:
    """Its BMC fetches the boot disc from the run, and gives it back; the other one needs none."""
    world.password(_PASSWORD)
    _has_disc(world)
    run = world.site.run()
    run.until(_is_power("hv1", "boot-disc"))  # type: ignore[arg-type]
    assert world.wires.disc_of(0).endswith("/a/ipxe.iso")
    assert run.end(seconds=180) == 0, run.errors
    assert _acts(run, "hv1") == ["boot-disc", "on", "eject", "boot-disk"]
    assert _acts(run, "hv2") == ["boot-network", "on", "boot-disk"]
    assert world.wires.boots == {0: ["Cd"], 1: ["Pxe"]}
    assert world.wires.disc_of(0) == ""
    assert (world.hv1.partitioned, world.hv2.partitioned) == (1, 1)
    sent = [each for each in run.history if "ipxe.iso sent to" in each.get("text", "")]
    assert len(sent) == 1


def test_a_run_that_is_killed_installs_nothing_twice(world: World) -> None:
    """Killed once right after switching on, once in the middle of the installer."""
    world.password(_PASSWORD)
    run = world.site.run()
    run.until(_is_power("hv1", "on"))  # type: ignore[arg-type]
    run.kill()
    run = world.site.run()
    run.until(is_seen("hook-started"), seconds=120)
    run.kill()
    run = world.site.run()
    assert run.end(seconds=180) == 0, run.errors
    assert world.hv2.partitioned == 1
    assert world.hv1.partitioned == 1
    assert "cycle" not in _acts(run, "hv1")


def test_a_run_goes_on_when_the_password_comes(world: World) -> None:
    """Without one a hand is asked for; the run waits for either, and takes what comes first."""
    run = world.site.run()
    run.until(says("provision power password SITE hv1"))
    world.password(_PASSWORD)
    assert run.end(seconds=180) == 0, run.errors
    assert (world.hv1.partitioned, world.hv2.partitioned) == (1, 1)


def test_a_bmc_that_is_gone_needs_a_hand_and_nothing_else(world: World) -> None:
    """The other machine is not kept waiting; a button does what the BMC does not."""
    world.password(_PASSWORD)
    text = world.site.file.read_text()
    head, _, rest = text.partition("hv2:")
    gone = rest.replace(rest[rest.index("https://") : rest.index('", user')], "https://127.0.0.1:9")
    world.site.file.write_text(f"{head}hv2:{gone}")
    run = world.site.run()
    run.until(says("switch hv2 off and on by its button"), seconds=120)
    world.hv2.power_on()
    assert run.end(seconds=180) == 0, run.errors
    assert _acts(run, "hv1") == ["boot-network", "on", "boot-disk"]
    assert world.hv2.partitioned == 1


def test_an_installed_machine_is_switched_off_only_by_name(world: World) -> None:
    """From the command line, while no run goes on."""
    world.password(_PASSWORD)
    run = world.site.run()
    assert run.end(seconds=180) == 0, run.errors
    words = ["power", "off", str(world.site.file), "hv1", "--state", str(world.site.state)]
    refused = Provision(words, prefix=world.site.inside)
    world.site.stack.callback(refused.close)
    assert refused.end() == 2
    assert "it is installed" in refused.errors
    world.power("off", "hv1", "--yes")
    for _ in range(100):
        if "hv1              off" in world.power("status", "hv1"):
            break
        time.sleep(0.1)
    else:
        raise AssertionError("it is not off")
