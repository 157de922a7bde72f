"""What outlives the daemon, in SQLite. Nothing here decides what is worth keeping."""
