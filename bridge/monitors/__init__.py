"""Live sources, one file each: from a kernel descriptor to events. Nothing here decides what an event leads to."""
