"""Trust services for sandboxes and tests: CA, OCSP responder, TSA. NEVER for production."""
