"""Entry of the processes that the supervisor starts: loads one's part, and runs it.

Started as `python -m fairlead.app.begin MODULE …`. Loading makes a hundred thousand objects and no
garbage: the collector of cycles, which would look through them again and again, waits until then,
and passes over them ever after.
"""

from __future__ import annotations

import gc
import importlib
import sys


def main() -> None:
    """Entry of the process."""
    gc.disable()
    part = importlib.import_module(sys.argv.pop(1))
    gc.freeze()
    gc.enable()
    part.main()


if __name__ == "__main__":
    main()
