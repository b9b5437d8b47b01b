"""Bridgehead: from bare machines to a working cluster, from one file, with no Internet."""
