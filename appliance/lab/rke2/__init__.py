"""What stands in for RKE2 and K3s: files under upstream's names, installed by the same playbook.

`build(cache, version)` gives a folder with program, image archives, checksums and `install.sh`.
`program/` is what runs in the virtual machines, `bundle/` and `install/` lie around it.
"""

from __future__ import annotations

from appliance.lab.rke2.tarballs import build

__all__ = ["build"]
