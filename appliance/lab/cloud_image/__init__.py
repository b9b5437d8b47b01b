"""What stands in for Ubuntu's cloud image in the lab: a lean Debian, under Ubuntu's file name.

`build(cache)` gives a folder with the image and its `SHA256SUMS`. It boots by BIOS and by UEFI, and
cloud-init in it takes users, keys, files, network, time and commands as in a real image.
"""

from __future__ import annotations

from appliance.lab.cloud_image.image import UBUNTU, build

__all__ = ["UBUNTU", "build"]
