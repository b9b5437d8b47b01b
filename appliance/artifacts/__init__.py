"""Step 2: every file the site needs, fetched once, verified, and kept in a depot."""
