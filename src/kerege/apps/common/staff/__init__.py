"""Who works here: staff, their offices and what each may do."""
