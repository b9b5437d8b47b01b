"""What stands in for Harvester's media, under Harvester's own file names.

`build(cache, version)` gives a folder with kernel, initrd, root image, ISO, checksum list and
version file. `standin/` is the program inside that root image.
"""

from __future__ import annotations

from appliance.lab.payload.image import Payload, build, describe

__all__ = ["Payload", "build", "describe"]
