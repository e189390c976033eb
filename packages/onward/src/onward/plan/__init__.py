"""Pure planners: the same facts give the same plan."""
