"""Step 3: the boot services: decisions in pure modules, sockets at the edge."""
