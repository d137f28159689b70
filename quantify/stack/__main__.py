"""Run the embedded servers without Django: `python -m quantify.stack`."""

import sys

from quantify.stack.cli import main

sys.exit(main())
