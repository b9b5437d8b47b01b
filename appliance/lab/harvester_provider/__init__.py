"""Stands in for Harvester's Terraform provider 1.8.1 where that one cannot be had.

Same source address, arguments, calls and known fault (harvester#10728) as upstream's, for the
four kinds of thing that `terraform/` makes; Terraform, and the API it speaks to, are what they are.
Only the lab uses it: a site is given upstream's release.
"""

from __future__ import annotations
