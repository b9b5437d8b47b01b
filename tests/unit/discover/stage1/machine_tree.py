"""A machine's /sys, /proc and /run/udev as stage-1 meets them, written into a folder.

The texts are those that a QEMU machine gave: an AHCI disk with a GPT and an ext4 file system, an
NVMe disk, a blank virtio disk, a CD drive, and two network cards of which one has no link.
"""

from __future__ import annotations

from pathlib import Path

PCI = "sys/devices/pci0000:00"
SDA = f"{PCI}/0000:00:05.0/ata3/host2/target2:0:0/2:0:0:0/block/sda"

FILES = {
    "proc/cpuinfo": "processor\t: 0\nmodel name\t: QEMU Virtual CPU version 2.5+\n"
    "physical id\t: 0\ncore id\t\t: 0\n\nprocessor\t: 1\nmodel name\t: QEMU Virtual CPU\n"
    "physical id\t: 0\ncore id\t\t: 1\n\n",
    "proc/meminfo": "MemTotal:         466492 kB\nMemFree:          302388 kB\n",
    # the AHCI disk
    f"{SDA}/dev": "8:0\n",
    f"{SDA}/size": "819200\n",
    f"{SDA}/ro": "0\n",
    f"{SDA}/removable": "0\n",
    f"{SDA}/queue/rotational": "1\n",
    f"{SDA}/device/model": "QEMU HARDDISK   \n",
    f"{SDA}/sda1/dev": "8:1\n",
    f"{SDA}/sda1/partition": "1\n",
    f"{SDA}/sda1/size": "614400\n",
    "run/udev/data/b8:0": "S:disk/by-id/ata-QEMU_HARDDISK_EXT1\n"
    "S:disk/by-path/pci-0000:00:05.0-ata-1\nI:5012345\nE:ID_MODEL=QEMU_HARDDISK\n"
    "E:ID_SERIAL=QEMU_HARDDISK_EXT1\nE:ID_SERIAL_SHORT=EXT1\nE:ID_PART_TABLE_TYPE=gpt\n",
    "run/udev/data/b8:1": "I:5112345\nE:ID_FS_TYPE=ext4\nE:ID_FS_LABEL=OLDROOT\n"
    "E:ID_PART_ENTRY_NAME=my\\x20root\n",
    # the NVMe disk, and its hidden second path
    f"{PCI}/0000:00:06.0/nvme/nvme0/nvme0n1/dev": "259:0\n",
    f"{PCI}/0000:00:06.0/nvme/nvme0/nvme0n1/size": "131072\n",
    f"{PCI}/0000:00:06.0/nvme/nvme0/nvme0n1/queue/rotational": "0\n",
    f"{PCI}/0000:00:06.0/nvme/nvme0/nvme0n1/device/model": "QEMU NVMe Ctrl   \n",
    f"{PCI}/0000:00:06.0/nvme/nvme0/nvme0n1/device/serial": "RAW1    \n",
    f"{PCI}/0000:00:06.0/nvme/nvme0/nvme0c0n1/hidden": "1\n",
    f"{PCI}/0000:00:06.0/nvme/nvme0/nvme0c0n1/size": "131072\n",
    "run/udev/data/b259:0": "S:disk/by-id/nvme-QEMU_NVMe_Ctrl_RAW1\nI:1\n"
    "E:ID_SERIAL_SHORT=RAW1\nE:ID_WWN=nvme.1b36-52415731\n",
    # the virtio disk, with which udev is not done
    f"{PCI}/0000:00:04.0/virtio1/block/vda/dev": "254:0\n",
    f"{PCI}/0000:00:04.0/virtio1/block/vda/size": "20971520\n",
    f"{PCI}/0000:00:04.0/virtio1/block/vda/serial": "BLANK1",
    f"{PCI}/0000:00:04.0/virtio1/block/vda/queue/rotational": "1\n",
    # neither a disk
    f"{PCI}/0000:00:01.1/ata2/host1/target1:0:0/1:0:0:0/block/sr0/size": "2097151\n",
    "sys/devices/virtual/block/loop0/size": "8\n",
    # the network cards
    f"{PCI}/0000:00:02.0/virtio0/net/ens2/address": "52:54:00:12:34:56\n",
    f"{PCI}/0000:00:02.0/virtio0/net/ens2/type": "1\n",
    f"{PCI}/0000:00:02.0/virtio0/net/ens2/carrier": "1\n",
    f"{PCI}/0000:00:02.0/virtio0/net/ens2/speed": "-1\n",
    f"{PCI}/0000:00:02.0/virtio0/net/ens2/ifindex": "2\n",
    f"{PCI}/0000:00:03.0/net/ens3/address": "52:54:00:12:34:57\n",
    f"{PCI}/0000:00:03.0/net/ens3/type": "1\n",
    f"{PCI}/0000:00:03.0/net/ens3/speed": "1000\n",
    f"{PCI}/0000:00:03.0/net/ens3/ifindex": "3\n",
    "sys/devices/virtual/net/lo/address": "00:00:00:00:00:00\n",
    "sys/devices/virtual/net/lo/type": "772\n",
    "run/udev/data/n2": "I:4211111\n",
    # what they are
    f"{PCI}/0000:00:02.0/vendor": "0x1af4\n",
    f"{PCI}/0000:00:02.0/device": "0x1000\n",
    f"{PCI}/0000:00:02.0/class": "0x020000\n",
    f"{PCI}/0000:00:03.0/vendor": "0x8086\n",
    f"{PCI}/0000:00:03.0/device": "0x100e\n",
    f"{PCI}/0000:00:03.0/class": "0x020000\n",
    "usr/share/hardware.names": "pci 1af4\tRed Hat, Inc.\npci 1af4 1000\tVirtio network device\n"
    "pci 8086\tIntel Corporation\npci 8086 100e\t82540EM\nusb 0627\tAdomax Technology Co., Ltd\n",
    # USB: a controller itself, a tablet, an interface of it
    "sys/bus/usb/devices/usb1/idVendor": "1d6b\n",
    "sys/bus/usb/devices/usb1/idProduct": "0001\n",
    "sys/bus/usb/devices/1-1/idVendor": "0627\n",
    "sys/bus/usb/devices/1-1/idProduct": "0001\n",
    "sys/bus/usb/devices/1-1:1.0/bInterfaceClass": "03\n",
    "sys/class/tty/console/active": "tty0 ttyS0\n",
}
"""Contents by path. `LINKS` says what points to them."""

LINKS = {
    "sys/block/sda": SDA,
    "sys/block/nvme0n1": f"{PCI}/0000:00:06.0/nvme/nvme0/nvme0n1",
    "sys/block/nvme0c0n1": f"{PCI}/0000:00:06.0/nvme/nvme0/nvme0c0n1",
    "sys/block/vda": f"{PCI}/0000:00:04.0/virtio1/block/vda",
    "sys/block/sr0": f"{PCI}/0000:00:01.1/ata2/host1/target1:0:0/1:0:0:0/block/sr0",
    "sys/block/loop0": "sys/devices/virtual/block/loop0",
    "sys/class/net/ens2": f"{PCI}/0000:00:02.0/virtio0/net/ens2",
    "sys/class/net/ens3": f"{PCI}/0000:00:03.0/net/ens3",
    "sys/class/net/lo": "sys/devices/virtual/net/lo",
    f"{PCI}/0000:00:02.0/virtio0/net/ens2/device": f"{PCI}/0000:00:02.0/virtio0",
    f"{PCI}/0000:00:03.0/net/ens3/device": f"{PCI}/0000:00:03.0",
    f"{PCI}/0000:00:03.0/driver": "sys/bus/pci/drivers/e1000",
    f"{PCI}/0000:00:02.0/virtio0/driver": "sys/bus/virtio/drivers/virtio_net",
    "sys/bus/pci/devices/0000:00:02.0": f"{PCI}/0000:00:02.0",
    "sys/bus/pci/devices/0000:00:03.0": f"{PCI}/0000:00:03.0",
}


def write(root: Path, **more: str) -> Path:
    """Write the machine below a folder and give it. `more`: other texts, with `__` for `/`."""
    for name, text in {**FILES, **{key.replace("__", "/"): v for key, v in more.items()}}.items():
        put(root, name, text)
    for name, target in LINKS.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(root / target)
    return root


def put(root: Path, name: str, text: str | bytes) -> None:
    """Write one file below the folder."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
