"""Facts of the outside world, as data: series, services, their commands."""
