"""Step 1: the site file, read strictly, and the plan of everything that follows from it."""
