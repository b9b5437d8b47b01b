"""Step 8: the report of what was built and the proof of it."""
