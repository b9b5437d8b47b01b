"""Packet formats as pure functions: bytes in, values out; garbage raises only WireError."""
