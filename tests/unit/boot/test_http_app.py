"""The boot HTTP app: every route, every refusal with its reason, and the evidence each gives."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from appliance.boot.http_app import HOOK_LIMIT, make_app
from appliance.boot.model import STAGE1_INITRD, STAGE1_KERNEL, BootMachine
from appliance.machines.state import Evidence, Seen, State
from appliance.values import Mac
from tests.unit.boot.boot_world import HV1, HV1_ADDRESS, NETWORK, World, armed, held

SCRIPT_URL = f"/m/{HV1.bare}.ipxe"
HV1_IP = "127.0.0.11"
HV2_IP = "127.0.0.12"
IMAGE = bytes(range(256)) * 40


class Http:
    """Requests to the app from an address of choice."""

    def __init__(self, world: World) -> None:
        self.client: FlaskClient = make_app(world.state, world.stage1).test_client()

    def __call__(
        self, path: str, method: str = "GET", address: str = HV1_IP, **rest: Any
    ) -> TestResponse:
        """Make a request."""
        return self.client.open(
            path, method=method, environ_overrides={"REMOTE_ADDR": address}, **rest
        )

    def token(self) -> str:
        """Fetch hv1's script and read its token."""
        return self(SCRIPT_URL).text.split("/c/")[1].split("/")[0]


@pytest.fixture
def http(world: World) -> Http:
    """The app of the world."""
    return Http(world)


def test_the_script_is_the_same_to_every_get_and_head(world: World, http: Http) -> None:
    """HEAD promises the length that GET then has; nothing is cached on the way."""
    head = http(SCRIPT_URL, "HEAD")
    first, second = http(SCRIPT_URL), http(SCRIPT_URL)

    assert first.status_code == 200
    assert first.data == second.data
    assert first.data.startswith(b"#!ipxe\nkernel http://127.0.0.1/c/token-")
    assert head.headers["Content-Length"] == str(len(first.data))
    assert head.data == b""
    assert first.headers["Cache-Control"] == "no-store"
    assert world.seen() == [Seen.INSTALL_SCRIPT]


@pytest.mark.parametrize("form", ["52:54:00:00:00:01", "52-54-00-00-00-01", "525400000001"])
def test_a_mac_may_be_written_in_any_form(http: Http, form: str) -> None:
    """Ours is the bare one; a hand-written script may use another."""
    assert "/c/token-" in http(f"/m/{form}.ipxe").text


def test_another_address_gets_no_install_script(world: World, http: Http) -> None:
    """It is told to wait and why, and the operator is told of it."""
    answer = http(SCRIPT_URL, address=HV2_IP)

    assert answer.status_code == 200
    assert "which is not its address" in answer.text
    assert "token-" not in answer.text
    assert HV2_IP in world.events("finding")[0].text
    assert world.seen() == []


def test_a_stranger_waits_to_be_approved(http: Http) -> None:
    """It is shown its MAC and the reason, and asks again."""
    answer = http("/m/5254000000ff.ipxe", address="127.0.0.150")

    assert "52:54:00:00:00:ff" in answer.text
    assert "waits to be approved" in answer.text
    assert "chain --replace http://127.0.0.1/m/5254000000ff.ipxe" in answer.text


def test_a_held_machine_is_told_its_reason(world: World, http: Http) -> None:
    """On its own screen, and in the events."""
    answer = http("/m/525400000002.ipxe", address=HV2_IP)

    assert "it has no disk chosen" in answer.text
    assert world.seen("hv2") == [Seen.WAIT_SCRIPT]


@pytest.mark.parametrize(
    ("way", "status", "part"),
    [("exit", 200, "\nexit 1\n"), ("sanboot", 200, "sanboot"), ("404", 404, "it is installed")],
)
def test_an_installed_machine_boots_its_own_disk(
    world: World, http: Http, way: str, status: int, part: str
) -> None:
    """By the way of its site file."""
    world.state.set_machines(
        (BootMachine("hv1", "hv1", (HV1,), HV1_ADDRESS, own_disk=way, installed=True),)
    )
    answer = http(SCRIPT_URL)

    assert answer.status_code == status
    assert part in answer.text
    assert world.seen() == [Seen.OWN_DISK_SCRIPT]
    if status == 404:
        assert answer.headers["X-Reason"] == "it is installed"


def test_autoexec_is_served_at_the_root_and_beside_the_binary(http: Http) -> None:
    """iPXE 2 asks at both places."""
    for path in ("/autoexec.ipxe", "/ipxe/autoexec.ipxe"):
        assert "chain --replace http://127.0.0.1/m/${net0/mac:hexraw}.ipxe" in http(path).text


# -------------------------------------------------------------------- files


def test_a_file_comes_whole_with_length_and_etag(world: World, http: Http) -> None:
    """By GET and by HEAD; it proves what it proves, by GET alone."""
    world.serve("vmlinuz", IMAGE, Seen.KERNEL_SENT)
    head = http("/a/vmlinuz", "HEAD")
    assert world.seen() == []
    answer = http("/a/vmlinuz")

    assert answer.data == IMAGE
    assert head.headers["Content-Length"] == answer.headers["Content-Length"] == str(len(IMAGE))
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["ETag"] == head.headers["ETag"] == f'"{"ab" * 32}"'
    assert "Transfer-Encoding" not in answer.headers
    answer.close()
    assert world.seen() == [Seen.KERNEL_SENT]


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("bytes=0-127", 0, 127),
        ("bytes=100-", 100, len(IMAGE) - 1),
        ("bytes=-5", len(IMAGE) - 5, len(IMAGE) - 1),
        ("bytes=10-999999999", 10, len(IMAGE) - 1),
    ],
)
def test_one_range_is_served(world: World, http: Http, asked: str, first: int, last: int) -> None:
    """With 206 and its place; it is no evidence of the whole (harvester#9247 needs the range)."""
    world.serve("iso", IMAGE, Seen.IMAGE_SENT)
    answer = http("/a/iso", headers={"Range": asked})

    assert answer.status_code == 206
    assert answer.data == IMAGE[first : last + 1]
    assert answer.headers["Content-Range"] == f"bytes {first}-{last}/{len(IMAGE)}"
    answer.close()
    assert Seen.IMAGE_SENT not in world.seen()


@pytest.mark.parametrize("asked", ["bytes=0-1,5-6", "lines=0-1", "bytes=x", "bytes=", "0-5"])
def test_what_is_not_one_range_gets_the_whole(world: World, http: Http, asked: str) -> None:
    """As RFC 9110, 14.2 allows."""
    world.serve("iso", IMAGE)
    answer = http("/a/iso", headers={"Range": asked})

    assert (answer.status_code, answer.data) == (200, IMAGE)


def test_a_range_outside_the_file_is_refused_with_its_size(world: World, http: Http) -> None:
    """416 names how long the file is."""
    world.serve("iso", IMAGE)
    answer = http("/a/iso", headers={"Range": f"bytes={len(IMAGE)}-"})

    assert answer.status_code == 416
    assert answer.headers["Content-Range"] == f"bytes */{len(IMAGE)}"


def test_what_is_known_is_not_sent_again(world: World, http: Http) -> None:
    """If-None-Match with our ETag gives 304; If-Range with another gives the whole."""
    world.serve("iso", IMAGE)
    etag = http("/a/iso", "HEAD").headers["ETag"]

    assert http("/a/iso", headers={"If-None-Match": etag}).status_code == 304
    same = http("/a/iso", headers={"Range": "bytes=0-1", "If-Range": etag})
    other = http("/a/iso", headers={"Range": "bytes=0-1", "If-Range": '"other"'})
    assert (same.status_code, other.status_code) == (206, 200)


def test_the_image_is_asked_by_head_and_sent_by_its_last_octet(world: World, http: Http) -> None:
    """The installer's `curl -I`, then its `curl -o`."""
    world.serve("iso", IMAGE * 100, Seen.IMAGE_SENT)
    http("/a/iso", "HEAD")
    assert world.seen() == [Seen.IMAGE_ASKED]
    broken = http("/a/iso", buffered=False)
    broken.close()
    assert Seen.IMAGE_SENT not in world.seen()
    whole = http("/a/iso")
    assert whole.data == IMAGE * 100
    whole.close()

    assert world.seen()[-1] is Seen.IMAGE_SENT


def test_ipxe_over_http_is_evidence_of_the_boot_loader(world: World, http: Http) -> None:
    """UEFI HTTP boot: HEAD, then GET."""
    world.serve("snponly.efi", IMAGE, Seen.BOOTLOADER_SENT)
    http("/ipxe/snponly.efi", "HEAD")
    http("/ipxe/snponly.efi").close()

    assert world.seen() == [Seen.BOOTLOADER_SENT]


def test_a_damaged_file_is_a_finding(world: World, http: Http) -> None:
    """It is not sent: the installer checks no checksum."""
    world.serve("iso", IMAGE)
    (world.folder / "iso").write_bytes(b"short")
    answer = http("/a/iso")

    assert answer.status_code == 500
    assert "no longer the file that was verified" in answer.headers["X-Reason"]
    assert world.events("finding")


@pytest.mark.parametrize(
    "path",
    [
        "/a/../boot.db",
        "/a/%2e%2e/boot.db",
        "/a/..%2fboot.db",
        "/a//etc/passwd",
        "/a/%2fetc/passwd",
        "/a/./iso",
        "/a/iso/",
        "/a/iso%00",
        "/ipxe/../../../../etc/passwd",
        "/boot.db",
        "/a/",
        "/",
        "/m/../a/boot.db",
    ],
)
def test_no_path_leads_out_of_the_table(world: World, http: Http, path: str) -> None:
    """404 with a reason, never a redirection, never a file."""
    world.serve("iso", IMAGE)
    answer = http(path)

    assert answer.status_code == 404
    assert answer.headers["X-Reason"]
    assert answer.text.strip()


def test_slashes_too_many_are_no_redirection(world: World, http: Http) -> None:
    """UEFI HTTP boot gives up on a 301 (tinkerbell/smee#229)."""
    world.serve("iso", IMAGE)

    assert http("/a//iso").data == IMAGE
    assert "/c/token-" in http(f"/m//{HV1.bare}.ipxe").text


# -------------------------------------------------------------------- configurations and hooks


def test_the_configuration_is_given_to_its_machine_as_often_as_it_asks(
    world: World, http: Http
) -> None:
    """Installers retry 30 times; it is one installation begun."""
    token = http.token()
    answers = {http(f"/c/{token}/config.yaml").text for _ in range(30)}

    assert answers == {f"token: {token}\n"}
    assert world.seen().count(Seen.CONFIG_SENT) == 1
    assert http(f"/c/{token}/config.yaml", "HEAD").headers["Content-Length"] == str(
        len(f"token: {token}\n")
    )


def test_a_head_of_the_configuration_is_no_evidence(world: World, http: Http) -> None:
    """Nothing was sent."""
    token = http.token()
    http(f"/c/{token}/config.yaml", "HEAD")

    assert Seen.CONFIG_SENT not in world.seen()


@pytest.mark.parametrize(
    ("token", "address", "status", "reason"),
    [
        (None, HV2_IP, 403, "not of the machine at 127.0.0.12"),
        ("guess", HV1_IP, 404, "no boot of this site has this token"),
    ],
)
def test_a_configuration_is_refused_with_a_reason(
    world: World, http: Http, token: str | None, address: str, status: int, reason: str
) -> None:
    """To another machine, and to a guess; both are findings, and neither names the token."""
    real = http.token()
    answer = http(f"/c/{token or real}/config.yaml", address=address)

    assert answer.status_code == status
    assert reason in answer.headers["X-Reason"]
    assert real not in answer.text + "".join(event.text for event in world.events("finding"))
    assert world.events("finding")


def test_a_boot_has_one_configuration_by_its_name(http: Http) -> None:
    """Another name is not there."""
    assert http(f"/c/{http.token()}/other.yaml").status_code == 404


def test_the_configuration_is_gone_after_success(http: Http) -> None:
    """410 says that it was there."""
    token = http.token()
    assert http(f"/hook/{token}/succeeded", "POST").status_code == 200
    answer = http(f"/c/{token}/config.yaml")

    assert answer.status_code == 410
    assert "reported success" in answer.headers["X-Reason"]


@pytest.mark.parametrize("event", ["started", "STARTED", "Started"])
def test_a_hook_is_taken_in_any_case_and_once(world: World, http: Http, event: str) -> None:
    """Harvester writes its events in capitals."""
    token = http.token()
    first = http(f"/hook/{token}/{event}", "POST", data=b"disk /dev/sda")
    second = http(f"/hook/{token}/{event}", "POST", data=b"disk /dev/sda")

    assert (first.text, second.text) == ("taken\n", "taken before\n")
    assert (first.status_code, second.status_code) == (200, 200)
    assert world.seen().count(Seen.HOOK_STARTED) == 1
    assert "disk /dev/sda" in world.events("evidence")[-1].text


def test_success_proves_the_installation(world: World, http: Http) -> None:
    """And the machine is sent to its disk at its next request."""
    http(f"/hook/{http.token()}/succeeded", "POST")

    assert world.state.record("hv1").state is State.INSTALLED
    assert "exit" in http(SCRIPT_URL).text


@pytest.mark.parametrize("size", [HOOK_LIMIT, HOOK_LIMIT + 1])
def test_a_hook_takes_four_kibibytes(world: World, http: Http, size: int) -> None:
    """And not one octet more."""
    answer = http(f"/hook/{http.token()}/failed", "POST", data=b"x" * size)

    assert answer.status_code == (200 if size == HOOK_LIMIT else 413)
    assert (Seen.HOOK_FAILED in world.seen()) == (size == HOOK_LIMIT)


@pytest.mark.parametrize(
    ("path", "address", "status"),
    [
        ("/hook/{}/started", HV2_IP, 403),
        ("/hook/guess/started", HV1_IP, 404),
        ("/hook/{}/exploded", HV1_IP, 404),
    ],
)
def test_a_hook_is_refused_with_a_reason(
    world: World, http: Http, path: str, address: str, status: int
) -> None:
    """From another machine, with a guess, and of an event that there is not."""
    answer = http(path.format(http.token()), "POST", address=address)

    assert answer.status_code == status
    assert answer.headers["X-Reason"]
    assert world.seen() == [Seen.INSTALL_SCRIPT]


def test_text_in_a_hook_cannot_reach_a_screen_as_commands(world: World, http: Http) -> None:
    """It becomes the record's last word, which a held machine is shown."""
    http(f"/hook/{http.token()}/failed", "POST", data=b"\x00x\n\nchain ${evil} || \xff;boot")

    text = world.events("evidence")[-1].text
    assert "${" not in text
    assert "\n" not in text


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/a/iso"),
        ("PUT", "/a/iso"),
        ("DELETE", SCRIPT_URL),
        ("GET", "/hook/t/started"),
        ("POST", SCRIPT_URL),
    ],
)
def test_other_methods_are_refused(http: Http, method: str, path: str) -> None:
    """405 names what is allowed."""
    answer = http(path, method)

    assert answer.status_code == 405
    assert answer.headers["Allow"]
    assert answer.headers["X-Reason"]


def test_a_bad_mac_is_refused_with_a_reason(http: Http) -> None:
    """404, in words."""
    answer = http("/m/nonsense.ipxe")

    assert answer.status_code == 404
    assert "is not a MAC address" in answer.text


def test_a_fault_of_ours_is_a_finding_and_tells_nothing(
    world: World, http: Http, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The machine reads that it is not to blame; the log names the kind of error."""

    def broken(_: Mac) -> None:
        raise KeyError("hunter2")

    monkeypatch.setattr(type(world.state), "machine_of_mac", lambda _self, mac: broken(mac))
    answer = http(SCRIPT_URL)

    assert answer.status_code == 500
    assert "hunter2" not in answer.text
    assert "KeyError" in world.events("finding")[0].text


def test_beside_another_dhcp_server_arp_tells_who_asks(world: World, http: Http) -> None:
    """The site's own server gave an address that we did not choose."""
    asked = "127.0.0.77"
    assert "not its address" in http(SCRIPT_URL, address=asked).text
    world.arp[IPv4Address(asked)] = HV1

    assert "/c/token-" in http(SCRIPT_URL, address=asked).text


def test_health(http: Http) -> None:
    """It answers."""
    assert http("/healthz").text == "ok\n"


def test_a_machine_whose_image_was_sent_tries_its_disk(world: World, http: Http) -> None:
    """Its report was lost: the disk is tried before it is installed again."""
    world.state.inject(Evidence("hv1", Seen.IMAGE_SENT, 1.0))
    world.state.set_machines((armed(), held()))

    assert "boots its own disk" in http(SCRIPT_URL).text


def test_without_stage1_a_machine_to_be_discovered_waits_in_ipxe(world: World, http: Http) -> None:
    """Half of it is none."""
    world.state.set_machines((armed(), replace(held(), discover="its disk is to be found")))
    world.serve(STAGE1_KERNEL, b"k")
    answer = http("/m/525400000002.ipxe", address=HV2_IP)
    assert "It waits     its disk is to be found" in answer.text
    assert world.seen("hv2") == [Seen.WAIT_SCRIPT]


def test_a_machine_to_be_discovered_is_given_stage1(world: World, http: Http) -> None:
    """A stranger too; evidence is of the site's machine alone, from its own address, once."""
    world.state.set_machines((armed(), replace(held(), discover="its disk is to be found")))
    for name in (STAGE1_KERNEL, STAGE1_INITRD):
        world.serve(name, b"x")
    world.state.configure(replace(NETWORK, console=("ttyS0",)), world.files)
    for mac, address in (("525400000002", HV2_IP), ("5254000000ff", "127.0.0.150")):
        script = http(f"/m/{mac}.ipxe", address=address).text
        assert f"kernel http://127.0.0.1/a/{STAGE1_KERNEL} || goto again" in script
        assert "bridgehead=http://127.0.0.1 BOOTIF=01-${netX/mac:hexhyp} console=ttyS0 " in script
        assert f"chain --replace http://127.0.0.1/m/{mac}.ipxe" in script
        assert "token-" not in script
    http("/m/525400000002.ipxe", address=HV2_IP)
    http("/m/525400000002.ipxe", address=HV1_IP)
    assert world.seen("hv2") == [Seen.DISCOVER_SCRIPT]
    assert world.state.record("hv2").state is State.DISCOVERING


def test_a_stranger_goes_to_its_own_disk_by_order(world: World, http: Http) -> None:
    """Once, and only a request from its own address counts as having been told."""
    card = Mac("5254000000ff")
    world.state.leased(card, IPv4Address("127.0.0.150"))
    world.state.order_own_disk(card)
    path = f"/m/{card.bare}.ipxe"
    for address in (HV1_IP, "127.0.0.150"):
        assert world.state.own_disk_ordered(card)
        answer = http(path, address=address)
        assert answer.text.endswith("exit 1\n")
        assert "boots its own disk" in answer.text
        world.state.boots(card)
    assert not world.state.own_disk_ordered(card)
    assert "waits to be approved" in http(path, address="127.0.0.150").text
