"""Several controllers on one store: leases, attempts that only their holder can end, each one's part in a run."""
