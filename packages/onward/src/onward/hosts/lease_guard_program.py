"""Ends a controller whose lease runs out, also one that is stopped. Started by ``engine/shared/lease.py``.

Its input has lines: until when the lease holds, by CLOCK_BOOTTIME. When that time comes the parent is killed. It ends
with its input, which its parent's end closes.
"""

import os
import select
import signal
import sys
import time


def main() -> None:
    """Watch until the input ends or the lease does."""
    parent = os.pidfd_open(os.getppid())
    if os.getppid() != int(sys.argv[2]):  # It has ended already.
        return
    until = float(sys.argv[1])
    heard = b""
    while True:
        left = until - time.clock_gettime(time.CLOCK_BOOTTIME)
        if not select.select([0], [], [], max(left, 0))[0]:
            signal.pidfd_send_signal(parent, signal.SIGKILL)
            sys.stderr.write("onward: the lease of this controller has run out, and it was ended: OW509\n")
            return
        read = os.read(0, 4096)
        if not read:
            return
        *lines, heard = (heard + read).split(b"\n")
        if lines:
            until = max(until, float(lines[-1]))


if __name__ == "__main__":
    main()
