"""The program of the stage-1 image: says what this machine is, and does what the bridge orders.

It is copied into the image as the package `stage1`, so that it imports the standard library and
itself, nothing else. `python -m stage1` runs it.
"""
