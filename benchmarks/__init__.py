"""The benchmarks: what hwbridge costs, against doing the same by hand, in one run. Nothing is asserted here."""
