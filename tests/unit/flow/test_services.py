"""The services as the flow holds them: started, told, opened again, stopped."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.flow.inside_namespace import Laptop, laptop

pytestmark = pytest.mark.root

_BEGIN = """
import os, subprocess
from appliance.flow.boot_machines import boot_machines
from appliance.flow.services import Services
from appliance.machines.state import Evidence, Seen
held = boot_machines(plan(), installed=frozenset(), vip_answers=False, documents=lambda _: None)
def until(services, wanted):
    found = []
    for _ in range(60):
        found += services.messages(0.5)
        if any(wanted(each) for each in found):
            break
    return found
"""


@pytest.fixture
def here() -> Iterator[Laptop]:
    """A laptop with one interface."""
    with laptop() as made:
        yield made


def test_they_run_as_a_child_and_end_when_stopped(here: Laptop) -> None:
    """What main saw is folded there and comes back as a record; the ports are free again."""
    said = here.run(
        _BEGIN
        + """
with context_in(FOLDER, options=Options(INTERFACE)) as context:
    services = Services(context, plan(), (), held)
    before = services.running
    services.inject(Evidence("hv1", Seen.SYSTEM_ANSWERS, 1.0, "nobody hears this"))
    services.start()
    pid = services.boot_pid
    uid = os.stat(f"/proc/{pid}").st_uid
    services.inject(Evidence("hv1", Seen.SYSTEM_ANSWERS, 1.0, "pong"))
    found = until(services, lambda each: hasattr(each, "record"))
    services.stop()
    services.stop()
    gone = not os.path.exists(f"/proc/{pid}")
    services.start()
    again = services.running
    services.stop()
    records = [each.record.state.value for each in found if hasattr(each, "record")]
    say(before=before, uid=uid, records=records, gone=gone, again=again)
"""
    )
    assert said["before"] is False
    assert said["uid"] != 0
    assert said["records"] == ["ready"]
    assert (said["gone"], said["again"]) == (True, True)


def test_a_new_interface_of_the_same_name_is_opened_again(here: Laptop) -> None:
    """A re-plugged adapter: said when it goes, and when the services run again on it."""
    said = here.run(
        _BEGIN
        + """
def ip(*words):
    subprocess.run(["ip", *words], check=True)
with context_in(FOLDER, options=Options(INTERFACE)) as context:
    services = Services(context, plan(), (), held)
    services.start()
    told = []
    services.keep_open(told.append)
    nothing = list(told)
    ip("link", "del", INTERFACE)
    services.keep_open(told.append)
    services.keep_open(told.append)
    running = services.running
    ip("link", "add", INTERFACE, "type", "veth", "peer", "name", "p1")
    ip("link", "set", "p1", "up")
    services.keep_open(told.append)
    services.keep_open(told.append)
    say(nothing=nothing, running=running, told=told, again=services.running)
    services.stop()
"""
    )
    assert said["nothing"] == []
    assert said["running"] is False
    assert said["told"] == [
        f"{here.interface} is gone: plug the network adapter in again",
        f"{here.interface} is back: the boot services run again",
    ]
    assert said["again"] is True


def test_a_port_that_is_taken_leaves_nothing_open(here: Laptop) -> None:
    """The refusal names the port; afterwards everything can be opened."""
    said = here.run(
        _BEGIN
        + """
import socket
with context_in(FOLDER, options=Options(INTERFACE)) as context:
    services = Services(context, plan(), (), held)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("0.0.0.0", 123))
        error = refusal(services.start)
        running = services.running
    services.start()
    say(error=error, running=running, again=services.running)
    services.stop()
"""
    )
    assert "123/udp" in said["error"]["what"]
    assert (said["running"], said["again"]) == (False, True)


_ASK = """
import dns.message, dns.query
from appliance.wire import ntp
from tests.staged import staged
from tests.unit.boot.running_loop import PATIENCE
def names_at(address):
    query = dns.message.make_query("cluster.alpha.site", "A")
    try:
        reply = dns.query.udp(query, address, 2)
        dns.query.tcp(query, address, 2)
    except OSError:
        return []
    except dns.exception.Timeout:
        return []
    return sorted(each.address for rrset in reply.answer for each in rrset)
def addresses():
    from appliance.tools.interface import look
    return [str(each) for each in look(INTERFACE).addresses]
"""


def test_the_services_address_is_answered_until_it_is_released(here: Laptop) -> None:
    """Beside the laptop's own, which goes on. Afterwards the child holds no socket of it."""
    said = here.run(
        _BEGIN
        + _ASK
        + """
with context_in(FOLDER, options=Options(INTERFACE)) as context:
    services = Services(context, staged(), (), held)
    services.start()
    pid = services.boot_pid
    before = [names_at("10.20.0.5"), names_at("10.20.0.2"), addresses()]
    services.release_services_address()
    after = [names_at("10.20.0.5"), names_at("10.20.0.2"), addresses()]
    left = subprocess.run(["ss", "-Hlnut"], capture_output=True, text=True).stdout
    services.release_services_address()
    same = services.boot_pid == pid
    services.stop()
    say(before=before, after=after, left=left.count("10.20.0.5"),
        own=left.count(f"10.20.0.2%{INTERFACE}:53 "), same=same,
        addresses=addresses())
"""
    )
    servers = ["10.20.0.21", "10.20.0.22", "10.20.0.23"]
    assert said["before"] == [servers, servers, ["10.20.0.2/24", "10.20.0.5/32"]]
    assert said["after"] == [[], servers, ["10.20.0.2/24"]]
    assert (said["left"], said["own"]) == (0, 2)
    assert said["same"] is True
    assert said["addresses"] == ["10.20.0.2/24"]


def test_the_services_address_comes_back_with_the_adapter(here: Laptop) -> None:
    """And is not there once the services ended."""
    said = here.run(
        _BEGIN
        + _ASK
        + """
def ip(*words):
    subprocess.run(["ip", *words], check=True)
with context_in(FOLDER, options=Options(INTERFACE)) as context:
    services = Services(context, staged(), (), held)
    services.start()
    ip("link", "del", INTERFACE)
    services.keep_open(lambda text: None)
    gone = services.running
    ip("link", "add", INTERFACE, "type", "veth", "peer", "name", "p1")
    ip("link", "set", "p1", "up")
    services.keep_open(lambda text: None)
    services.keep_open(lambda text: None)
    back = names_at("10.20.0.5")
    services.stop()
    say(gone=gone, back=len(back), addresses=addresses())
"""
    )
    assert (said["gone"], said["back"]) == (False, 3)
    assert said["addresses"] == ["10.20.0.2/24"]
