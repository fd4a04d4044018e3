"""Representation: who may act for whom, from when to when, on what ground.

One clerk enters it with the document that proves it, another confirms it; until then it
gives nothing. It is not removed: it ends, or it is revoked from a moment on.
"""
