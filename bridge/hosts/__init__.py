"""Where handlers run, one file each. Nothing here decides what runs, when, or what becomes of a failure."""
