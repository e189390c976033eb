"""Pure functions from observations to findings."""
