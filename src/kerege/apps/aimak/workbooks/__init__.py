"""Household books as workbooks: XLSX and CSV files in, XLSX, CSV and Parquet out.

The way in, each step in a module of its own and all of them without Django:

1. `reader` starts a process of its own that has little memory and time (`_child`),
   looks through the file before any library touches it (`_archive`, `_scan`), and hands
   out rows of plain values (`sheets`). A bomb ends that process and nothing else.
2. `mapping` says which column is which field of the register: guessed from headers in
   three languages, remembered by their fingerprint, changed by hand.
3. `candidates` makes of each row typed values, or problems that name the cell, say what
   is wrong and what to do (`messages`, in three languages).

The way out is `writing`. Nothing here is ever evaluated: of a formula the value that the
program that wrote the file has left is taken, and told.
"""
