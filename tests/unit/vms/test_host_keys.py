"""Host keys made for virtual machines."""

from __future__ import annotations

import io
from dataclasses import replace

import paramiko
import pytest

from appliance.tools.ssh import known_fingerprints
from appliance.values import Secret
from appliance.vms.host_keys import host_key_of, known_hosts_line, make_host_key
from tests.clusters import cluster_plan


def test_another_library_reads_the_pair() -> None:
    """Private and public are one key, in OpenSSH's forms."""
    made = make_host_key()
    read = paramiko.Ed25519Key.from_private_key(io.StringIO(made.private.reveal()))
    assert made.public == f"ssh-ed25519 {read.get_base64()}"


def test_each_machine_gets_its_own() -> None:
    """A key is drawn anew each time, and the kept private half gives the same public one."""
    first, second = make_host_key(), make_host_key()
    assert first.public != second.public
    assert host_key_of(first.private) == first


def test_what_is_no_ed25519_key_is_refused() -> None:
    """A kept secret that is something else ends here."""
    with pytest.raises(ValueError, match=r".+"):
        host_key_of(Secret("nothing"))
    rsa = io.StringIO()
    paramiko.ECDSAKey.generate().write_private_key(rsa)
    with pytest.raises((TypeError, ValueError)):
        host_key_of(Secret(rsa.getvalue()))


def test_the_line_is_found_by_address_and_by_name() -> None:
    """SSH clients look for what they were told to connect to."""
    plan = cluster_plan()
    vm = plan.vm("server1")
    made = make_host_key()
    line = known_hosts_line(plan, vm, made.public)
    assert line.endswith("\n")
    hosts = [str(vm.address), "server1", f"server1.{plan.zone}"]
    found = [known_fingerprints(line, host) for host in hosts]
    assert len(set(found)) == 1
    assert len(found[0]) == 1
    key = paramiko.Ed25519Key.from_private_key(io.StringIO(made.private.reveal()))
    assert found[0] == {key.fingerprint}


def test_a_machine_without_a_planned_address_goes_by_name() -> None:
    """Its address is not known in advance."""
    plan = cluster_plan()
    vm = replace(plan.vm("server1"), address=None)
    assert known_hosts_line(plan, vm, "ssh-ed25519 AAAA").startswith("server1,server1.")
