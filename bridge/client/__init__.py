"""What applications import to talk to the daemon. Nothing here runs in the daemon."""
