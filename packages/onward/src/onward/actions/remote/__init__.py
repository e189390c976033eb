"""Steps on other machines: the same actions, run there by Onward's own code, with everything kept here.

A step's own side here (:mod:`onward.actions.remote.placed`) sends it with its arguments, and answers what the other
side (:mod:`onward.actions.remote.served`) asks of the model's notes and secrets while it is at work.
"""
