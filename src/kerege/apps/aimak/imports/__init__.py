"""Taking household books into the register: a file, its columns, a dry run, and undo.

An import is a file and what became of it (`models`). It is read twice in the same way
(`reading`): once to tell what would be taken and what not (`check`), and once to take it
(`take`), a few hundred households in each transaction, so that clerks are not kept
waiting. How far it has come is written in the same transactions: after a power cut the
next worker goes on from there, and nothing is there twice or half. All of it is one
`Change`, which `undo` takes back as a whole.
"""
