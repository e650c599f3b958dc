"""`python -m lanelight` is the `lanelight` command."""

import sys

from lanelight.cli import main

sys.exit(main())
