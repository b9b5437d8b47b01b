"""Which fields Harvester's installer knows, by version. Pure.

The installer ignores unknown keys without a word, so a field that its version does not have is
refused here. Facts: `pkg/installer/config/config.go` and `pkg/installer/console/validator.go` of
the branches 1.7, 1.8 and of 1.9.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from appliance.errors import InputError

_VERSION = re.compile(r"v?(\d+)\.(\d+)\.\d+(?:[-+][0-9A-Za-z.+-]+)?")


class Kind(StrEnum):
    """What a field holds. `STRINGS`: a map of strings with free keys; `FREE`: anything."""

    TEXT = "text"
    NUMBER = "number"
    BOOL = "bool"
    TEXTS = "list of texts"
    STRINGS = "map of strings"
    FREE = "free"


@dataclass(frozen=True, slots=True)
class Field:
    """One field. `of` are the only values it may have, if any; `since` the first minor version."""

    kind: Kind
    of: tuple[str, ...] = ()
    since: int = 0


@dataclass(frozen=True, slots=True)
class FieldTable:
    """The fields (`install.management_interface.interfaces[].hwAddr`) of one version."""

    version: str
    minor: int
    fields: dict[str, Field]
    system_settings: frozenset[str]

    def has_parent(self, path: str) -> bool:
        """Say whether a path is a part of the way to some field."""
        return any(name.startswith((f"{path}.", f"{path}[]")) for name in self.fields)


_TEXT, _NUMBER, _BOOL = Field(Kind.TEXT), Field(Kind.NUMBER), Field(Kind.BOOL)
_TEXTS, _STRINGS, _FREE = Field(Kind.TEXTS), Field(Kind.STRINGS), Field(Kind.FREE)

BOND_MODES = (
    "balance-rr",
    "active-backup",
    "balance-xor",
    "broadcast",
    "802.3ad",
    "balance-tlb",
    "balance-alb",
)

_FIELDS: dict[str, Field] = {
    "scheme_version": _NUMBER,
    "server_url": _TEXT,
    "token": _TEXT,
    "sans": _TEXTS,
    "system_settings": _STRINGS,
    "os.hostname": _TEXT,
    "os.ssh_authorized_keys": _TEXTS,
    "os.password": _TEXT,
    "os.dns_nameservers": _TEXTS,
    "os.ntp_servers": _TEXTS,
    "os.modules": _TEXTS,
    "os.sysctls": _STRINGS,
    "os.environment": _STRINGS,
    "os.labels": _STRINGS,
    "os.write_files[].path": _TEXT,
    "os.write_files[].content": _TEXT,
    "os.write_files[].encoding": _TEXT,
    "os.write_files[].owner": _TEXT,
    "os.write_files[].permissions": _TEXT,
    "os.sshd.sftp": _BOOL,
    "os.sshd.disable_password_auth": Field(Kind.BOOL, since=8),
    "os.persistent_state_paths": _TEXTS,
    "os.after_install_chroot_commands": _TEXTS,
    "os.externalStorageConfig": _FREE,
    "os.additionalKernelArguments": _TEXT,
    "install.mode": Field(Kind.TEXT, ("create", "join")),
    "install.automatic": _BOOL,
    "install.skipchecks": _BOOL,
    "install.device": _TEXT,
    "install.data_disk": _TEXT,
    "install.iso_url": _TEXT,
    "install.management_interface.interfaces[].name": _TEXT,
    "install.management_interface.interfaces[].hwAddr": _TEXT,
    "install.management_interface.method": Field(Kind.TEXT, ("dhcp", "static")),
    "install.management_interface.ip": _TEXT,
    "install.management_interface.subnet_mask": _TEXT,
    "install.management_interface.gateway": _TEXT,
    "install.management_interface.bond_options.mode": Field(Kind.TEXT, BOND_MODES),
    "install.management_interface.bond_options.miimon": _TEXT,
    "install.management_interface.mtu": _NUMBER,
    "install.management_interface.vlan_id": _NUMBER,
    "install.vip": _TEXT,
    "install.vip_mode": Field(Kind.TEXT, ("dhcp", "static")),
    "install.vip_hw_addr": _TEXT,
    "install.cluster_pod_cidr": _TEXT,
    "install.cluster_service_cidr": _TEXT,
    "install.cluster_dns": _TEXT,
    "install.role": Field(Kind.TEXT, ("default", "management", "worker", "witness")),
    "install.cordoned": Field(Kind.BOOL, since=9),
    "install.wipe_all_disks": _BOOL,
    "install.wipe_disks_list": _TEXTS,
    "install.poweroff": _BOOL,
    "install.tty": _TEXT,
    "install.debug": _BOOL,
    "install.silent": _BOOL,
    "install.persistent_partition_size": _TEXT,
    "install.addons": _FREE,
    "install.harvester.storage_class.replica_count": _NUMBER,
    "install.harvester.longhorn.default_settings": _FREE,
    "install.webhooks[].event": Field(Kind.TEXT, ("STARTED", "SUCCEEDED", "FAILED")),
    "install.webhooks[].method": Field(Kind.TEXT, ("GET", "HEAD", "POST", "PUT")),
    "install.webhooks[].url": _TEXT,
    "install.webhooks[].payload": _TEXT,
    "install.webhooks[].headers": _FREE,
    "install.webhooks[].insecure": _BOOL,
}
"""Left out on purpose: what makes the installer pull from the Internet (`with_net_images`), what
formats nothing (`no_format`), what only BIOS has (`force_mbr`), and versions baked in upstream."""

_SETTINGS = frozenset(
    """
    additional-ca api-ui-version auto-disk-provision-paths auto-rotate-rke2-certs backup-target
    cluster-registration-url containerd-registry csi-driver-config default-storage-class
    default-vm-termination-grace-period-seconds harvester-csi-ccm-versions http-proxy
    kubeconfig-default-token-ttl-minutes log-level ntp-servers overcommit-config
    release-download-url server-version ssl-certificates ssl-parameters storage-network
    support-bundle-image support-bundle-namespaces support-bundle-timeout support-bundle-expiration
    support-bundle-node-collection-timeout ui-index ui-path ui-plugin-index ui-source
    upgradable-versions upgrade-checker-enabled upgrade-checker-url vip-pools
    vm-force-reset-policy volume-snapshot-class
    """.split()
)
_SETTINGS_SINCE_8 = frozenset(
    """
    additional-guest-memory-overhead-ratio cluster-pod-security-standard
    csi-online-expand-validation kubevirt-migration longhorn-v2-data-engine-enabled
    max-hotplug-ratio rancher-cluster ui-plugin-bundled-version upgrade-config vm-migration-network
    """.split()
)

KNOWN_MINORS = (7, 8, 9)
"""The lines 1.7, 1.8 and 1.9: those whose fields were read."""


def minor_of(version: str) -> int:
    """Give the minor version of `v1.8.2`. Raises InputError for one whose fields are unknown."""
    match = _VERSION.fullmatch(version)
    if match is None or int(match[1]) != 1 or int(match[2]) not in KNOWN_MINORS:
        known = ", ".join(f"1.{minor}" for minor in KNOWN_MINORS)
        raise InputError(
            f"the configuration of Harvester {version} is not known",
            where="hypervisor.harvester",
            why=f"its installer ignores unknown keys; the known lines are {known}",
            fix=f"use a version of {known}, or add its fields to hypervisor/versions.py",
        )
    return int(match[2])


def is_uefi_only(version: str) -> bool:
    """Say whether the automatic installation stops on BIOS, which `skipchecks` does not help.

    Since 1.8 (`pkg/installer/console/install_panels.go`). Raises InputError as `minor_of` does.
    """
    return minor_of(version) >= 8


def fields_of(version: str) -> FieldTable:
    """Give the fields of a version. Raises InputError as `minor_of` does."""
    minor = minor_of(version)
    return FieldTable(
        version,
        minor,
        {path: field for path, field in _FIELDS.items() if field.since <= minor},
        _SETTINGS | (_SETTINGS_SINCE_8 if minor >= 8 else frozenset()),
    )


def first_version_with(path: str) -> str | None:
    """Name the line (`1.9`) a field came with; None for one that no line has."""
    field = _FIELDS.get(path)
    return f"1.{max(field.since, KNOWN_MINORS[0])}" if field else None
