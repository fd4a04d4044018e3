"""What every system of the portal needs, once: staff, audit, jobs, cases and so on.

Each part is a small Django app of its own. No part knows a system that uses it.
"""
