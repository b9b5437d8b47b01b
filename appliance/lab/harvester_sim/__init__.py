"""Stands in for Harvester's API: Kubernetes objects outside, QEMU machines on its switch inside.

Strict where the real one is: what it takes, refuses and fills in is written from Harvester's and
KubeVirt's admission code and from what the Terraform provider reads back.
"""
