"""Varlink without a socket: bytes in, messages out, and what they mean. Nothing here reads, writes or waits."""
