"""What to start and what to cancel. Nothing here matches an event, starts a process or reads a clock."""
