"""Who we are on this machine."""

import os
import pwd


def own_name() -> str:
    """Name of the user that this process runs as."""
    return pwd.getpwuid(os.geteuid()).pw_name
