"""Machines switched on and off without a hand on the button: BMCs, magic packets, people."""
