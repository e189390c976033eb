"""Says what an image has of a release. Run in a container by its interpreter, from Python 3.8 on; stands alone.

In:  {"package": "keystone"}
Out: {"python": "3.11.9", "version": "27.0.0" or null, "programs": ["uwsgi", ...]}: those beside the interpreter.
"""

import json
import os
import platform
import sys
from importlib import metadata

package = json.load(sys.stdin)["package"]
version = next((found.version for found in metadata.distributions(name=package)), None)
programs = sorted(os.listdir(os.path.dirname(sys.executable)))
print(json.dumps({"python": platform.python_version(), "version": version, "programs": programs}))
