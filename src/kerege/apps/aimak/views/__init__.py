"""The clerk's screens, one file for each idea."""
