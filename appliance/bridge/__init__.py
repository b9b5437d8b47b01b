"""The bridge: the laptop itself, as its playbook is told of it."""
