"""Onward takes an OpenStack control plane forward."""

__version__ = "0.1.0.dev0"
