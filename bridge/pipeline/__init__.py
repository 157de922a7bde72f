"""Mapping and dispatch as one object. Nothing here waits, starts anything or reads a clock."""
