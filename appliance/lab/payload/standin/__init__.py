"""The guest's half of the lab: what stands in for Harvester's installer and installed node.

These modules run inside the payload's root file system under Debian's own Python, with the
standard library and PyYAML only. `config` and `webhooks` are pure and are tested on the host.
"""
