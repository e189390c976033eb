"""Health of an OpenStack service from its real traffic.

It runs inside the services' own processes, on Python 3.9 and newer, and needs nothing that they do not have.
"""

__version__ = "0.1.0"
