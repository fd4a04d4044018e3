"""Facts that are otherwise, and facts that were written wrongly: told apart."""
