"""s4: an unknown machine says what it is, and is matched to the site file."""
