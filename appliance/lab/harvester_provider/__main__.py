"""Terraform starts this as `terraform-provider-harvester_v<version>`, with that version."""

from __future__ import annotations

import sys

from appliance.lab.harvester_provider.server import serve

if __name__ == "__main__":
    sys.exit(serve(sys.argv[1]))
