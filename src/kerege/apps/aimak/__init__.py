"""Sanarip Aimak: the village register of persons, households and what they have."""
