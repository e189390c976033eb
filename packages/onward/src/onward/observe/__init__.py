"""Read-only probes: looking twice changes nothing."""
