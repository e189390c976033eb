"""Restarting units that are deployed."""
