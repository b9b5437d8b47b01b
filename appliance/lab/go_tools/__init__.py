"""Go programs of other people that the lab needs and upstream publishes as releases.

Each is a Go module that names the program as its tool, pinned by `go.mod` and `go.sum`. They are
apart from each other, because their dependencies would not agree. `appliance.lab.releases` builds
them.
"""

from __future__ import annotations
