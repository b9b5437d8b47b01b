"""What stands outside the Vagrant lab's machines. With a real libvirt: tests/vagrant."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.lab.outside import DEFAULT_URI, PLACE, main, outside_of, port_of

SITE = Path(__file__).resolve().parents[3] / "examples" / "vagrant.yaml"


@pytest.mark.parametrize(
    ("address", "port"),
    [
        ("https://10.81.0.1:8443", 8443),
        ("https://10.81.0.1:8443/redfish/v1", 8443),
        ("https://10.81.0.1", 443),
        ("10.81.0.1:8000", 8000),
        ("10.81.0.1", 443),
    ],
)
def test_a_bmcs_port_is_read_from_its_address(address: str, port: int) -> None:
    """443 where it says none."""
    assert port_of(address) == port


def test_the_example_has_one_redfish_service_for_its_machine(tmp_path: Path) -> None:
    """At the router's address, which is this computer's; the stand-in of the API beside it."""
    outside = outside_of(SITE, tmp_path)
    (bmc,) = outside.bmcs()
    (machine,) = outside.plan.machines

    assert (outside.network, outside.address) == ("bridgehead-vagrant", "10.81.0.1")
    assert (bmc.address, bmc.port, bmc.user) == ("10.81.0.1", 8443, "bridgehead")
    assert bmc.systems == (machine.bmc.system,)
    place = outside.api("virbr7")
    assert place.relay == "http://10.81.0.1:6080"
    assert (place.bridge, place.vip) == ("virbr7", "10.81.0.10")


def test_a_service_elsewhere_is_not_ours(tmp_path: Path) -> None:
    """A BMC at another address stands somewhere else; machines of one port share a service."""
    text = SITE.read_text(encoding="utf-8")
    site = tmp_path / "site.yaml"
    site.write_text(text.replace("https://10.81.0.1:8443", "https://10.81.0.9"), encoding="utf-8")
    assert outside_of(site, tmp_path).bmcs() == ()


def test_its_folder_is_the_sites(tmp_path: Path) -> None:
    """Where nothing else is said; libvirt is this computer's."""
    outside = outside_of(SITE)
    assert (outside.folder, outside.uri) == (PLACE / "vagrant", DEFAULT_URI)
    assert outside_of(SITE, tmp_path, "test:///default").uri == "test:///default"


def test_a_bad_site_file_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By the same words and exit code as everywhere."""
    site = tmp_path / "site.yaml"
    site.write_text("site: a\n", encoding="utf-8")
    assert main(["stop", str(site)]) == 2
    assert str(site) in capsys.readouterr().err
