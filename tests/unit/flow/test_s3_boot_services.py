"""s3: the laptop and the wire are looked at, then the services start; all is taken back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.flow.inside_namespace import Laptop, laptop

pytestmark = pytest.mark.root

_STEP = """
from appliance.flow.engine import Engine
from appliance.flow.s3_boot_services import BootServicesStep, Served
from appliance.store.machines import Proven
from appliance.tools.interface import look
"""


@pytest.fixture
def here() -> Iterator[Laptop]:
    """A laptop whose interface has no address yet."""
    with laptop() as made:
        made.run("import subprocess; subprocess.run(['ip','addr','flush',INTERFACE]); say()")
        yield made


def test_the_address_is_there_while_the_run_goes_on(here: Laptop) -> None:
    """The services answer on it; at the end both are gone. The journal has mode and address."""
    said = here.run(
        _STEP
        + """
with context_in(FOLDER, options=Options(INTERFACE, yes=True)) as context:
    with context.resources:
        services = Engine(context).take(BootServicesStep(context), Served(plan(), ()))
        within = [str(each) for each in look(INTERFACE).addresses]
        running = services.running
    (entry,) = context.journal.steps()
    after = [str(each) for each in look(INTERFACE).addresses]
    say(within=within, running=running, after=after, gone=not services.running,
        evidence=entry.evidence)
"""
    )
    assert (said["within"], said["running"]) == (["10.20.0.2/24"], True)
    assert (said["after"], said["gone"]) == ([], True)
    assert said["evidence"] == {
        "interface": here.interface,
        "address": "10.20.0.2",
        "mode": "authoritative",
    }


def test_boot_knows_from_the_start_how_machines_stand(here: Laptop) -> None:
    """An armed machine has its documents at once: its installer may have outlived a killed run."""
    said = here.run(
        _STEP
        + """
with context_in(FOLDER, options=Options(INTERFACE, yes=True)) as context:
    context.proven.put(Proven("hv1", installed=5.0, installs=1))
    of = plan(machine(1), machine(2), machine(3, not_armed="it has no disk"))
    told = BootServicesStep(context)._machines(Served(of, ()))
    say(told={each.name: [each.installed, each.documents is not None, each.hold, each.waits_for]
        for each in told})
"""
    )
    assert said["told"] == {
        "hv1": [True, False, "", ""],
        "hv2": [False, True, "", "hv1 to answer at the VIP 10.20.0.10"],
        "hv3": [False, False, "it has no disk", "hv1 to answer at the VIP 10.20.0.10"],
    }


def test_a_refusal_leaves_the_interface_as_it_was(here: Laptop) -> None:
    """Nobody confirmed the clock, say: no address was set."""
    here.far_link("down")
    said = here.run(
        _STEP
        + """
with context_in(FOLDER, options=Options(INTERFACE, yes=True)) as context:
    with context.resources:
        error = refusal(BootServicesStep(context).run, Served(plan(), ()))
    say(error=error, after=[str(each) for each in look(INTERFACE).addresses])
"""
    )
    assert "no link" in said["error"]["what"]
    assert said["after"] == []


_NOTED = """
import subprocess
from appliance.tools.interface import about_to_set, prepare
def rules():
    return subprocess.run(["ip", "rule"], capture_output=True, text=True).stdout.count("to 10.")
forwarding = Path(f"/proc/sys/net/ipv4/conf/{INTERFACE}/forwarding")
forwarding.write_text("1")
def stands():
    addresses = [str(each) for each in look(INTERFACE).addresses]
    return [addresses, forwarding.read_text().strip(), rules()]
def killed(network):
    # What a run that was killed had done: noted, then set.
    setting = about_to_set(INTERFACE, network.bridge, network.cidr.prefixlen)
    context.journal.left.write("s3", setting.as_json())
    prepare(setting)
"""


def test_what_a_killed_run_set_is_taken_back_from_its_note(here: Laptop) -> None:
    """Address, rules and forwarding, once; a second time there is nothing to do."""
    said = here.run(
        _STEP
        + _NOTED
        + """
with context_in(FOLDER, options=Options(INTERFACE, yes=True)) as context:
    before = stands()
    killed(plan().provisioning)
    during = stands()
    step = BootServicesStep(context)
    say(before=before, during=during, done=step.undo(), after=stands(), twice=step.undo(),
        note=context.journal.left.read("s3"))
"""
    )
    assert said["before"] == said["after"] == [[], "1", 0]
    assert said["during"] == [["10.20.0.2/24"], "0", 2]
    assert len(said["done"]) == 3
    assert (said["twice"], said["note"]) == ([], None)


def test_the_next_run_takes_the_note_of_a_killed_one_over(here: Laptop) -> None:
    """It finds the address there, and takes it back at its end all the same."""
    said = here.run(
        _STEP
        + _NOTED
        + """
with context_in(FOLDER, options=Options(INTERFACE, yes=True)) as context:
    killed(plan().provisioning)
    with context.resources:
        Engine(context).take(BootServicesStep(context), Served(plan(), ()))
        within = stands()
        noted = context.journal.left.read("s3")
    say(within=within, noted=noted, after=stands(), note=context.journal.left.read("s3"))
"""
    )
    assert said["within"] == [["10.20.0.2/24"], "0", 2]
    assert (said["noted"]["lacked"], said["noted"]["forwarding"]) == (True, "1")
    assert (said["after"], said["note"]) == ([[], "1", 0], None)


def test_what_a_killed_run_set_elsewhere_is_taken_back_first(here: Laptop) -> None:
    """The site file names another network now: the old address goes before the new one comes."""
    said = here.run(
        _STEP
        + _NOTED
        + """
from ipaddress import IPv4Address, IPv4Network
from types import SimpleNamespace
with context_in(FOLDER, options=Options(INTERFACE, yes=True)) as context:
    killed(SimpleNamespace(bridge=IPv4Address("10.9.0.2"), cidr=IPv4Network("10.9.0.0/24")))
    with context.resources:
        Engine(context).take(BootServicesStep(context), Served(plan(), ()))
        within = stands()
    told = [each.text for each in context.journal.events() if each.kind == "undone"]
    say(within=within, after=stands(), told=told)
"""
    )
    assert said["within"] == [["10.20.0.2/24"], "0", 2]
    assert said["after"] == [[], "1", 0]
    assert any("10.9.0.2/24 is taken from" in each for each in said["told"])
