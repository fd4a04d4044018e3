"""Lists and household books of the register as files."""
