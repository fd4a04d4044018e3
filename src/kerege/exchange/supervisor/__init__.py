"""The supervisor of a Security Server: binds, holds the login, keeps workers alive.

It is a process of its own that passes no message and touches no key, so that there is
little in it that can fail. It imports nothing but the standard library and the
settings: that is what keeps it small (see the decision record on supervisor and
workers). `__main__` starts it, in the place of `kerege security-server run`.
"""
