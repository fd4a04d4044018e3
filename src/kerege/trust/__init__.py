"""Trust services for sandboxes and tests: CA, OCSP responder, TSA. NEVER for production.

Nothing here protects its keys as a trust service must, checks who asks, or keeps the
records that the law wants. Every subject that these services make says so.
"""

NOT_FOR_PRODUCTION = "SANDBOX - NOT FOR PRODUCTION"
"""Stands in the subject of every certificate that is made here, and in the logs."""
