"""Cases: what somebody asked an office for, until it is decided and beyond.

A system extends them so: it adds its `Procedure` when it is loaded, keeps its own fields
in a model with a one-to-one link to `Case`, and moves cases with `actions.do` alone.
"""
