"""The scenes of the monitors' contract, a file for each. What has to hold stands in test_monitor_contract.py."""
