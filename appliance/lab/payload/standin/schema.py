"""The keys of Harvester's installer configuration, with the version that brought each.

Source: harvester/harvester-installer `pkg/config/config.go`, branches v1.1 to v1.8, and
harvester/harvester `pkg/installer/config` from v1.9. Keys a site must not set (versions baked
into the image) are left out on purpose, so setting one is refused.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

Version = tuple[int, int]
OLDEST: Version = (1, 1)


class Kind(Enum):
    """The shape of a value."""

    STRING = "a string"
    BOOL = "true or false"
    INT = "a whole number"
    STRINGS = "a list of strings"
    STRING_MAP = "a map of strings"
    SECTION = "a map"
    SECTIONS = "a list of maps"
    ANY = "anything"


@dataclass(frozen=True)
class Key:
    """One key: its shape, the Harvester version it came with, and the keys under it."""

    kind: Kind
    since: Version = OLDEST
    keys: dict[str, Key] = field(default_factory=dict)


_STRING = Key(Kind.STRING)
_BOOL = Key(Kind.BOOL)
_INT = Key(Kind.INT)
_STRINGS = Key(Kind.STRINGS)
_MAP = Key(Kind.STRING_MAP)


def _section(since: Version = OLDEST, /, **keys: Key) -> Key:
    return Key(Kind.SECTION, since, keys)


_ADDON = _section((1, 2), enabled=_BOOL, values_content=_STRING)

_OS = _section(
    hostname=_STRING,
    ssh_authorized_keys=_STRINGS,
    password=_STRING,
    dns_nameservers=_STRINGS,
    ntp_servers=_STRINGS,
    write_files=Key(
        Kind.SECTIONS,
        keys={
            "path": _STRING,
            "content": _STRING,
            "encoding": _STRING,
            "owner": _STRING,
            "permissions": _STRING,
        },
    ),
    modules=_STRINGS,
    sysctls=_MAP,
    environment=_MAP,
    labels=_MAP,
    sshd=_section((1, 2), sftp=_BOOL, disable_password_auth=Key(Kind.BOOL, (1, 8))),
    persistent_state_paths=Key(Kind.STRINGS, (1, 2)),
    after_install_chroot_commands=Key(Kind.STRINGS, (1, 2)),
    externalStorageConfig=_section((1, 4), enabled=_BOOL, multiPathConfig=Key(Kind.ANY)),
    additionalKernelArguments=Key(Kind.STRING, (1, 4)),
)

_MANAGEMENT_INTERFACE = _section(
    interfaces=Key(Kind.SECTIONS, keys={"name": _STRING, "hwAddr": _STRING}),
    method=_STRING,
    ip=_STRING,
    subnet_mask=_STRING,
    gateway=_STRING,
    bond_options=_MAP,
    mtu=_INT,
    vlan_id=_INT,
)

_WEBHOOK_KEYS = {
    "event": _STRING,
    "method": _STRING,
    "url": _STRING,
    "headers": Key(Kind.ANY),
    "payload": _STRING,
    "insecure": _BOOL,
    "basicAuth": _section(user=_STRING, password=_STRING),
}

_INSTALL = _section(
    mode=_STRING,
    automatic=_BOOL,
    skipchecks=Key(Kind.BOOL, (1, 3)),
    config_url=_STRING,
    device=_STRING,
    data_disk=_STRING,
    iso_url=_STRING,
    management_interface=_MANAGEMENT_INTERFACE,
    vip=_STRING,
    vip_mode=_STRING,
    vip_hw_addr=_STRING,
    cluster_pod_cidr=Key(Kind.STRING, (1, 5)),
    cluster_service_cidr=Key(Kind.STRING, (1, 5)),
    cluster_dns=Key(Kind.STRING, (1, 5)),
    role=Key(Kind.STRING, (1, 3)),
    cordoned=Key(Kind.BOOL, (1, 9)),
    wipe_all_disks=Key(Kind.BOOL, (1, 5)),
    wipe_disks_list=Key(Kind.STRINGS, (1, 5)),
    poweroff=_BOOL,
    tty=_STRING,
    debug=_BOOL,
    silent=_BOOL,
    no_format=_BOOL,
    force_efi=_BOOL,
    force_mbr=_BOOL,
    with_net_images=Key(Kind.BOOL, (1, 3)),
    persistent_partition_size=Key(Kind.STRING, (1, 2)),
    raw_disk_image_path=Key(Kind.STRING, (1, 2)),
    addons=_section(
        (1, 2),
        rancher_monitoring=_ADDON,
        rancher_logging=_ADDON,
        harvester_vm_import_controller=_ADDON,
        harvester_pcidevices_controller=_ADDON,
        harvester_seeder=_ADDON,
    ),
    harvester=_section(
        storage_class=_section(replica_count=_INT),
        longhorn=_section(
            (1, 2),
            default_settings=_section(
                guaranteedEngineManagerCPU=_INT,
                guaranteedReplicaManagerCPU=_INT,
                guaranteedInstanceManagerCPU=_INT,
                storageReservedPercentageForDefaultDisk=Key(Kind.INT, (1, 7)),
            ),
        ),
    ),
    webhooks=Key(Kind.SECTIONS, keys=_WEBHOOK_KEYS),
)

ROOT = _section(
    scheme_version=_INT,
    server_url=_STRING,
    token=_STRING,
    sans=Key(Kind.STRINGS, (1, 6)),
    system_settings=_MAP,
    os=_OS,
    install=_INSTALL,
)

_SETTINGS = """
additional-ca api-ui-version auto-disk-provision-paths auto-rotate-rke2-certs backup-target
cluster-registration-url containerd-registry csi-driver-config default-storage-class
default-vm-termination-grace-period-seconds harvester-csi-ccm-versions http-proxy
kubeconfig-default-token-ttl-minutes log-level ntp-servers overcommit-config release-download-url
server-version ssl-certificates ssl-parameters storage-network support-bundle-image
support-bundle-namespaces support-bundle-timeout support-bundle-expiration
support-bundle-node-collection-timeout ui-index ui-path ui-plugin-index ui-source
upgradable-versions upgrade-checker-enabled upgrade-checker-url vip-pools vm-force-reset-policy
volume-snapshot-class
"""
_SETTINGS_1_8 = """
additional-guest-memory-overhead-ratio cluster-pod-security-standard csi-online-expand-validation
kubevirt-migration longhorn-v2-data-engine-enabled max-hotplug-ratio rancher-cluster
ui-plugin-bundled-version upgrade-config vm-migration-network
"""


def system_settings(version: Version) -> frozenset[str]:
    """Give the settings an installer of this version lets a configuration preset."""
    names = _SETTINGS.split()
    if version >= (1, 8):
        names += _SETTINGS_1_8.split()
    return frozenset(names)
