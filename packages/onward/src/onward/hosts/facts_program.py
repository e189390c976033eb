"""What a machine is and has, printed as one line of JSON. Read by any Python 3 on its standard input.

It imports nothing of Onward and changes nothing. ``WANTED`` is set by the line before it: ``directories`` whose disks
are asked for room, ``programs`` (commands by name), ``pythons`` (paths and versions), ``addresses``.
"""

import glob
import json
import os
import platform
import pwd
import shutil
import socket
import subprocess
import sys

SYSTEM_PATHS = "/usr/sbin:/sbin:/usr/bin:/bin:/usr/local/sbin:/usr/local/bin:/usr/libexec"
LISTENING = "0A"


def existing(path):
    while not os.path.exists(path):
        path = os.path.dirname(path)
    return path


def free(path):
    said = os.statvfs(existing(path))
    return said.f_bavail * said.f_frsize


def program(command):
    if command.startswith("/"):
        there = sorted(glob.glob(command))
        return there[-1] if there else None
    return shutil.which(command) or shutil.which(command, path=SYSTEM_PATHS)


def version(path):
    asked = "import sys; print('%d.%d.%d' % sys.version_info[:3])"
    try:
        said = subprocess.run([path, "-I", "-c", asked], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=20)
    except (OSError, subprocess.SubprocessError):
        return None
    return said.stdout.decode().strip() if said.returncode == 0 else None


def interpreter(path, wanted):
    """The same path where it is the same version, else one of the machine's own of the same minor version."""
    minor = ".".join(wanted.split(".")[:2])
    for each in (path, program("python" + minor), program("python3")):
        found = version(each) if each else None
        if found and found.split(".")[:2] == minor.split("."):
            return [each, found]
    return None


def listening():
    found = set()
    for name, width in (("tcp", 4), ("tcp6", 16)):
        try:
            lines = open("/proc/net/" + name).read().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            words = line.split()
            if words[3] != LISTENING:
                continue
            raw, port = words[1].split(":")
            data = b"".join(bytes.fromhex(raw[at : at + 8])[::-1] for at in range(0, width * 2, 8))
            family = socket.AF_INET if width == 4 else socket.AF_INET6
            found.add((socket.inet_ntop(family, data), int(port, 16)))
    return sorted(found)


def own(address):
    try:
        found = socket.getaddrinfo(address, 0, type=socket.SOCK_DGRAM)
    except OSError:
        return False
    for family, kind, protocol, _, where in found:
        tried = socket.socket(family, kind, protocol)
        try:
            tried.bind(where)
        except OSError:
            return False
        finally:
            tried.close()
    return True


def memory():
    for line in open("/proc/meminfo"):
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return 0


def facts(wanted):
    me = pwd.getpwuid(os.geteuid())
    return {
        "hostname": socket.gethostname(),
        "system": " ".join(platform.uname()[:1] + platform.uname()[2:3]),
        "machine": platform.machine(),
        "libc": " ".join(platform.libc_ver()),
        "user": me.pw_name,
        "uid": os.geteuid(),
        "home": me.pw_dir,
        "python": os.path.realpath(sys.executable),
        "python_version": "%d.%d.%d" % sys.version_info[:3],
        "systemd": os.path.isdir("/run/systemd/system"),
        "processors": os.cpu_count(),
        "memory_available": memory(),
        "free": dict((path, free(path)) for path in wanted.get("directories", [])),
        "programs": dict((each, program(each)) for each in wanted.get("programs", [])),
        "pythons": dict((path, interpreter(path, minor)) for path, minor in wanted.get("pythons", {}).items()),
        "addresses": dict((each, own(each)) for each in wanted.get("addresses", [])),
        "listening": listening(),
    }


print(json.dumps(facts(WANTED)))  # noqa: F821 - set by the line before
