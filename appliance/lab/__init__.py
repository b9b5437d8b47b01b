"""The rehearsal: the whole site on one computer, machines in emulation, networks in namespaces."""
