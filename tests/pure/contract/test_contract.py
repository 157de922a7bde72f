"""The background-task contract, whatever happens in whatever order: a task registered once is never lost."""

import os

import pytest
from hypothesis import settings

from tests.pure.contract.machine import Contract

Contract.TestCase.settings = settings(
    max_examples=300,
    stateful_step_count=40,
    print_blob=True,
    report_multiple_bugs=False,
    # The same orders each time, so that a change is to blame for a failure; CONTRACT_ANEW=1 looks at others.
    derandomize="CONTRACT_ANEW" not in os.environ,
)
TestTheContractInAnyOrder = pytest.mark.timeout(400)(Contract.TestCase)  # a failure is shrunk for up to 300 s
