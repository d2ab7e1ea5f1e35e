"""`slack-migrator`, and `python -m migrator`."""

import gc
import sys
from typing import NoReturn

__all__ = ["main"]


def main() -> NoReturn:
    """The command. Ctrl-C while it is still being loaded is no traceback either."""
    try:
        from migrator.cli import main as run
    except KeyboardInterrupt:
        sys.stderr.write("Error: stopped\nNext: run the same command again\n")
        sys.exit(130)
    try:
        run()
    finally:
        gc.freeze()  # on the way out Python would look through everything once more for what nobody needs


if __name__ == "__main__":
    main()
