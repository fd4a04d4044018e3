"""The auditors' page: what was recorded, found by person, day and subject."""
