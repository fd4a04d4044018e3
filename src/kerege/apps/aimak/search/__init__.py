"""Finding people in the register: by PIN, any spelling, household, address, birth.

`models` are tables of what can be looked for, made from the register and made anew at
any time (`index`); they are no part of the book and have no history. `engine` asks them
and ranks; `results` joins what a page shows of each person.
"""
