"""Runs any plan durably; knows nothing of OpenStack."""
