"""The provider's arguments, as upstream's v1.8.1 declares them (internal/provider/*/schema_*.go).

Left out: kinds of thing that `terraform/` does not make, and `bootstrap`. No argument is added
or made laxer here: what validates against this validates against upstream's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum

CLOUD_INIT_DISK = "cloudinitdisk"
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_URL = re.compile(r"https?://[^/\s]+.*", re.DOTALL)


class Kind(StrEnum):
    """What a value is, as the protocol writes types."""

    STRING = '"string"'
    NUMBER = '"number"'
    BOOL = '"bool"'
    STRINGS = '["list","string"]'
    MAP = '["map","string"]'


class Rule(StrEnum):
    """What a text must be beside a text."""

    NAME = "name"
    URL = "url"
    NOT_EMPTY = "not empty"


@dataclass(frozen=True, slots=True)
class Attribute:
    """One argument. `default` is what stands where nothing is said; `choices` are all it may be."""

    name: str
    kind: Kind = Kind.STRING
    required: bool = False
    optional: bool = False
    computed: bool = False
    force_new: bool = False
    default: str | int | bool | None = None
    choices: tuple[str, ...] = ()
    rule: Rule | None = None
    least: int | None = None
    most: int | None = None

    def fault(self, value: object) -> str | None:
        """Say what is wrong with a known value; None where nothing is."""
        if self.choices and value not in self.choices:
            return f"expected {self.name} to be one of {list(self.choices)}, got {value}"
        if isinstance(value, int | float) and not self._within(value):
            return f"expected {self.name} to be from {self.least} to {self.most}, got {value}"
        if self.rule is Rule.NAME and not _SUBDOMAIN.fullmatch(str(value)):
            return f'expected "{self.name}" to be an valid DNS1123 subdomain'
        if self.rule is Rule.URL and not _URL.fullmatch(str(value)):
            return f'expected "{self.name}" to have a url with schema of: "http,https", got {value}'
        if self.rule is Rule.NOT_EMPTY and not value:
            return f'expected "{self.name}" to not be an empty string'
        return None

    def _within(self, value: float) -> bool:
        low = self.least is None or value >= self.least
        return low and (self.most is None or value <= self.most)


@dataclass(frozen=True, slots=True)
class Block:
    """Arguments that belong together: a thing's own, or those of a block in it that may come often.

    `single` is said of `timeouts`, which comes once and is an object and not a list.
    """

    attributes: tuple[Attribute, ...]
    blocks: dict[str, Block] = field(default_factory=dict)
    minimum: int = 0
    maximum: int = 0
    single: bool = False
    computed: bool = False


def _given(name: str, kind: Kind = Kind.STRING, **more: object) -> Attribute:
    return Attribute(name, kind, optional=True, **more)  # type: ignore[arg-type]


def _found(name: str, kind: Kind = Kind.STRING) -> Attribute:
    return Attribute(name, kind, computed=True)


_COMMON = (
    Attribute("id", optional=True, computed=True),
    Attribute("name", required=True, force_new=True, rule=Rule.NAME),
    _given("namespace", default="default", force_new=True, rule=Rule.NAME),
    _given("description"),
    _given("tags", Kind.MAP),
    _found("state"),
    _found("message"),
)
_LABELS = _given("labels", Kind.MAP)
_TIMEOUTS = Block(
    tuple(_given(name) for name in ("create", "read", "update", "delete", "default")), single=True
)

IMAGE = Block(
    (
        *_COMMON,
        _LABELS,
        _given("backend", default="backingimage", choices=("backingimage", "cdi")),
        Attribute("display_name", required=True, force_new=True, rule=Rule.NOT_EMPTY),
        _given("url", force_new=True, rule=Rule.URL),
        _given("pvc_namespace", rule=Rule.NAME),
        _given("pvc_name", rule=Rule.NAME),
        Attribute(
            "source_type",
            required=True,
            choices=("download", "upload", "export-from-volume", "clone"),
        ),
        _found("progress", Kind.NUMBER),
        _found("size", Kind.NUMBER),
        _given("storage_class_name", computed=True, force_new=True, rule=Rule.NAME),
        _found("storage_class_parameters", Kind.MAP),
        _found("volume_storage_class_name"),
        _given("security_parameters", Kind.MAP),
        _given("checksum", force_new=True),
        _given("file_path", force_new=True),
    ),
    {"timeouts": _TIMEOUTS},
)

NETWORK = Block(
    (
        *_COMMON,
        _given("labels", Kind.MAP, computed=True),
        Attribute("vlan_id", Kind.NUMBER, required=True, least=0, most=4094),
        _given("config", computed=True),
        Attribute("cluster_network_name", required=True, rule=Rule.NOT_EMPTY),
        _given("route_mode", default="auto", choices=("auto", "manual")),
        _given("route_dhcp_server_ip"),
        _given("route_cidr", computed=True),
        _given("route_gateway", computed=True),
        _found("route_connectivity"),
    ),
    {"timeouts": _TIMEOUTS},
)

CLOUDINIT_SECRET = Block(
    (
        *_COMMON,
        _LABELS,
        _given("user_data"),
        _given("user_data_base64"),
        _given("network_data"),
        _given("network_data_base64"),
    ),
    {"timeouts": _TIMEOUTS},
)

_DISK = Block(
    (
        Attribute("name", required=True),
        _given("type", default="disk", choices=("disk", "cd-rom")),
        _given("size"),
        _given("bus", computed=True, choices=("virtio", "sata", "scsi", "")),
        _given("boot_order", Kind.NUMBER, default=0, least=0),
        _given("image"),
        _given("existing_volume_name", rule=Rule.NAME),
        _given("container_image_name"),
        _given("auto_delete", Kind.BOOL, computed=True),
        _given("hot_plug", Kind.BOOL, computed=True),
        _given("storage_class_name", computed=True, rule=Rule.NAME),
        _given("volume_mode", computed=True, choices=("Block", "Filesystem")),
        _given(
            "access_mode",
            computed=True,
            choices=("ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany"),
        ),
        _given("volume_name", computed=True, rule=Rule.NAME),
    ),
    minimum=1,
)
_NETWORK_INTERFACE = Block(
    (
        Attribute("name", required=True),
        _given("type", computed=True, choices=("bridge", "masquerade", "")),
        _given(
            "model",
            default="virtio",
            choices=("virtio", "e1000", "e1000e", "ne2k_pco", "pcnet", "rtl8139"),
        ),
        _given("mac_address", computed=True),
        _found("ip_address"),
        _given("wait_for_lease", Kind.BOOL, default=False),
        _found("interface_name"),
        _given("network_name"),
        _given("boot_order", Kind.NUMBER, default=0, least=0),
    ),
    minimum=1,
)
_CLOUDINIT = Block(
    (
        _given("type", default="noCloud", choices=("noCloud", "configDrive")),
        *(
            _given(f"{what}_data{form}")
            for what in ("network", "user")
            for form in ("", "_base64", "_secret_name")
        ),
    ),
    maximum=1,
)
_INPUT = Block(
    (
        Attribute("name", required=True),
        _given("type", default="tablet", choices=("tablet",)),
        _given("bus", default="usb", choices=("usb", "virtio")),
    )
)

MACHINE = Block(
    (
        *_COMMON,
        _LABELS,
        _given("machine_type", computed=True),
        _given("hostname", computed=True),
        _given("reserved_memory"),
        _given("restart_after_update", Kind.BOOL, default=False),
        _given(
            "run_strategy",
            default="RerunOnFailure",
            choices=("Always", "Manual", "Halted", "RerunOnFailure"),
        ),
        _given("start", Kind.BOOL),
        _given("cpu", Kind.NUMBER, default=1),
        _given("cpu_model"),
        _given("memory", default="1Gi"),
        _given("ssh_keys", Kind.STRINGS),
        _found("node_name"),
        _given("efi", Kind.BOOL, default=False),
        _given("secure_boot", Kind.BOOL, default=False),
        _given("cpu_pinning", Kind.BOOL, default=False),
        _given("isolate_emulator_thread", Kind.BOOL, default=False),
        _given("node_selector", Kind.MAP),
        _given("create_initial_snapshot", Kind.BOOL, default=False),
    ),
    {
        "disk": _DISK,
        "network_interface": _NETWORK_INTERFACE,
        "cloudinit": _CLOUDINIT,
        "input": _INPUT,
        "tpm": Block((_given("name"),), maximum=1),
        "requests": Block(
            (_given("cpu", computed=True), _given("memory", computed=True)),
            maximum=1,
            computed=True,
        ),
        "timeouts": _TIMEOUTS,
    },
)

PROVIDER = Block(
    (
        _given("bootstrap", Kind.BOOL),
        _given("kubeconfig"),
        _given("kubecontext"),
    )
)

RESOURCES = {
    "harvester_image": IMAGE,
    "harvester_network": NETWORK,
    "harvester_cloudinit_secret": CLOUDINIT_SECRET,
    "harvester_virtualmachine": MACHINE,
}
