"""Fuzzing the readers of recordings, `make fuzz`. Nothing here runs in `make test`, which has Hypothesis instead."""
