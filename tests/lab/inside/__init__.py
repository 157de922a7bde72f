"""What runs in the guest: real devices made by software, and the daemon beside them. Nothing here asserts.

A scenario does something to the hardware and tells what it saw; the tests on the host say what it should have been.
"""
