"""``python -m iceqream`` is the command line."""

import sys

from iceqream.cli import main

sys.exit(main())
