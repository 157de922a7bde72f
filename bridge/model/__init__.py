"""The values that everything else speaks of. No decisions, no input or output."""
