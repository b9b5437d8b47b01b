"""What must survive a power cut, in SQLite: the run journal, leases and events."""
