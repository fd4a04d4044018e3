"""Names of people and places in Kyrgyz, Russian and Latin letters: pure functions.

One person is written Өмүрбек, Омурбек, Omurbek and Ömürbek, and each spelling may be in
some lawful document. What is here tells spellings of one name from other names, sorts
names as the Kyrgyz alphabet does, and finds a misspelled name among a country's. No
database, no Django, no clock; every function takes any text and none costs more than
its first hundred characters.

==============  =====================================================================
`alphabet`      the alphabet, and sort keys that every database orders alike
`lookalikes`    words in two alphabets at once, and what was meant
`folding`       one spelling for all spellings of a name
`endings`       surname and patronymic endings by gender, `уулу` and `кызы`
`latin`         the lawful Latin spellings of a Cyrillic name
`keyboard`      text typed with the keyboard in the other layout
`keys`          the rows by which an indexed table finds misspelled names
`distance`      how far two spellings are from each other
`vocabulary`    candidates for a misspelled name, ranked
`query`         what a clerk typed: a PIN, a household, a date, names
==============  =====================================================================
"""
