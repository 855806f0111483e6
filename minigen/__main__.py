"""`python -m minigen` is the command `minigen`."""

import sys

from minigen.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
