"""What of Debian goes into the image."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

from appliance.discover import userland
from appliance.errors import ArtifactError
from appliance.tools.building import lines

FOLDER = Path(userland.__file__).parent
MODULES_DEP = """kernel/fs/ext4/ext4.ko: kernel/fs/jbd2/jbd2.ko kernel/lib/crc16.ko
kernel/fs/jbd2/jbd2.ko:
kernel/lib/crc16.ko:
kernel/drivers/ata/ahci.ko: kernel/drivers/ata/libata.ko
kernel/drivers/ata/libata.ko:
kernel/drivers/ata/deep/er.ko:
"""
HWDB = """# comment

pci:v00008086*
 ID_VENDOR_FROM_DATABASE=Intel Corporation

pci:v00008086d00001533*
 ID_MODEL_FROM_DATABASE=I210 Gigabit Network Connection

pci:v00008086d00001533sv0000103Csd00000003*
 ID_MODEL_FROM_DATABASE=Ethernet I210-T1 GbE NIC
"""


def test_modules_come_with_what_they_need() -> None:
    """A star stays in its folder; what is taken out is out unless it is needed."""
    needs = userland.dependencies(MODULES_DEP)
    keep = userland.chosen(needs, ["drivers/ata/*", "fs/ext4/*", "!drivers/ata/libata.ko"])
    assert keep == {"kernel/drivers/ata/ahci.ko", "kernel/fs/ext4/ext4.ko"}
    assert userland.closure(keep, needs) == [
        "kernel/drivers/ata/ahci.ko",
        "kernel/drivers/ata/libata.ko",
        "kernel/fs/ext4/ext4.ko",
        "kernel/fs/jbd2/jbd2.ko",
        "kernel/lib/crc16.ko",
    ]


def test_a_driver_that_this_kernel_lacks_is_no_silence() -> None:
    """A new kernel that calls it otherwise would leave machines without their disks."""
    with pytest.raises(ArtifactError, match="drivers/scsi/hpsa"):
        userland.chosen(userland.dependencies(MODULES_DEP), ["drivers/scsi/hpsa.ko"])


def test_names_of_hardware() -> None:
    """Vendors and devices; boards built with a device are left out."""
    assert userland.hardware_names("pci", HWDB) == (
        "pci 8086\tIntel Corporation\npci 8086 1533\tI210 Gigabit Network Connection\n"
    )
    usb = "usb:v0627p0001*\n ID_MODEL_FROM_DATABASE=QEMU Tablet\n"
    assert userland.hardware_names("usb", usb) == "usb 0627 0001\tQEMU Tablet\n"


def test_everything_is_below_usr() -> None:
    """The image's /bin, /sbin, /lib and /lib64 are links."""
    assert userland.merged("lib/udev/ata_id") == "usr/lib/udev/ata_id"
    assert userland.merged("usr/bin/python3.11") == "usr/bin/python3.11"
    assert userland.merged("etc/group") == "etc/group"


def test_the_program_is_a_package_where_python_looks() -> None:
    """Its sources alone."""
    tree = userland.program(FOLDER / "stage1")
    assert "usr/lib/python3.11/stage1/__main__.py" in tree
    assert not any("__pycache__" in name for name in tree)


def _imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom) and not node.level:
            found.add(str(node.module))
    return found


def test_the_image_has_every_module_that_the_program_imports() -> None:
    """The standard library's, by the recipe's list; and nothing of this package's."""
    imported = set().union(*(_imports(path) for path in (FOLDER / "stage1").glob("*.py")))
    listed = set(lines(FOLDER / "recipe" / "python")) | set(sys.builtin_module_names)
    assert imported - listed == set()
