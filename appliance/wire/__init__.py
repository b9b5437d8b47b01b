"""Pure functions on bytes: what goes over the wire, parsed and written, with no socket or clock."""
