"""A deployed model as its users have it: used, watched, and hurt on purpose."""
