"""Recordings: bytes to events and back. Nothing here opens a file or waits for an event's time."""
