"""A whole X-Road instance on this machine: for demos and tests, not for production."""
