"""Which few causes explain what many units say of one another. Pure: observations and dependencies in, causes out."""
