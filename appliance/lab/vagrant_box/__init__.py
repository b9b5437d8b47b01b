"""The bridge's box: a lean Debian from packages, for Vagrant with libvirt.

`build(cache)` gives the `.box`. What the bridge's playbook would ask an index and a mirror for is
in it as files: a folder of wheels, a folder of Debian packages.
"""

from __future__ import annotations

from appliance.lab.vagrant_box.box import NAME, build

__all__ = ["NAME", "build"]
