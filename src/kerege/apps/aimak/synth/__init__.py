"""A synthetic country for the register: people that nobody is, in numbers that are real.

Households with three generations, ages, names, villages, land and livestock, drawn from a
seed; with mistakes and second records planted, and the truth about them kept beside.
Everything is pure but `parquet` and `load`; no Django here, so that making a country needs
no database.

Rules: the same seed, size and day give the same country, whatever is made at a time: it
is made in blocks of whole villages, each from a stream of random numbers of its own.
"""
