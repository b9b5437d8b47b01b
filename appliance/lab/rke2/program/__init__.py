"""The guest's half of the RKE2 stand-in: what `rke2 server` and `rke2 agent` do in the lab.

These modules run in the lab's virtual machines under Debian's own Python, with the standard
library, python3-yaml and python3-cryptography. Nothing here runs a container. What is kept is the
contract: settings, tokens, certificates, the supervisor's port, the API, leases and refusals, in
upstream's words where they are known (facts: harvester-rke2, section 4).

Not kept: consensus. Servers pass writes on to one another and the newest write wins; without a
majority of the servers nothing is answered, as etcd would not. What upstream lets pass in silence
(a misspelt setting, for example) is refused here, because the lab is where it must be met.
"""
