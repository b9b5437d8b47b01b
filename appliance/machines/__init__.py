"""Step 4: what each machine has been seen to do, from its first request to its own disk."""
