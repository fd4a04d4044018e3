"""How staff sign in, with a second factor."""
