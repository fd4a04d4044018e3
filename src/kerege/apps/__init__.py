"""The public systems of the portal: one Django app each; they share `common` only."""
