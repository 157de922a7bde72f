"""Which event raises which trigger. Nothing here starts a task, reads a file or a clock."""
