"""Step 5: Harvester: its configuration by version, its API, and when it is ready."""
