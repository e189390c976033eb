"""From a bundle to the steps that deploy it: relations resolved, addresses given, files written in the mind."""
