"""The zipapp's first lines: parsed by any Python back to 2.7, so nothing here may be newer than that."""

import os
import sys


def main():
    """Turn away a Python that is too old, in words; leave the rest to `mftctl_bundle`."""
    if sys.version_info < (3, 11):
        sys.stderr.write(
            "mftctl: needs Python 3.11 or newer, but this is %d.%d (%s); try: python3.11 %s\n"
            % (sys.version_info[0], sys.version_info[1], sys.executable, sys.argv[0])
        )
        sys.exit(2)

    # Before anything stays open: it would get the number of a standard stream that whoever started us has closed.
    for fd in (0, 1, 2):
        try:
            os.fstat(fd)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)

    import mftctl_bundle

    mftctl_bundle.start()
