"""The other process of `kerege.sandbox.testing`: the servers that tests talk to.

A package of its own, because it must not load pytest. NOT FOR PRODUCTION.
"""
