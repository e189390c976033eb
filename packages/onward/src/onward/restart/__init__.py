"""When the next units of many may be restarted. Pure: what is seen goes in, what is to be done comes out."""
