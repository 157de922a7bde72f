"""`python -m bridge` is the command `hwbridge`. Nothing else stands here."""

import sys

from bridge.cli import main

sys.exit(main())
