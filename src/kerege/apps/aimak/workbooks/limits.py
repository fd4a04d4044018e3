"""Bounds for workbooks, each with its reason."""

MAX_FILE_BYTES = 30 * 1024 * 1024
"""A book of 50,000 persons with 30 columns has 7 MB as XLSX and 15 MB as CSV."""
MAX_ENTRIES = 1_000
"""Parts of an XLSX file: a few dozen; pictures and printer settings come on top."""
MAX_ENTRY_BYTES = 256 * 1024 * 1024
"""One part after inflating: a sheet of 200,000 rows has about 180 MB of XML."""
MAX_INFLATED_BYTES = 400 * 1024 * 1024
"""All parts after inflating."""
MAX_RATIO = 100
"""Inflated by packed bytes. Sheets pack 10 to 30 times smaller, a bomb 1,000 times."""
RATIO_FREE_BYTES = 8 * 1024 * 1024
"""Below this size the ratio says nothing: an empty form packs well."""
MAX_XML_DEPTH = 64
"""Elements inside elements: sheets have 6, drawings up to 30."""
MAX_SHEETS = 50
"""A book of an ayil aimak has a sheet per village or street."""
MAX_ROWS = 200_000
"""Of one sheet: the largest ayil aimak has 53,000 persons."""
MAX_COLUMNS = 200
"""What lies to the right of it is not read: forms have 20 to 60 columns."""
MAX_SHEET_COLUMNS = 16_384
"""XLSX has no more; more is a forged reference."""
MAX_SHEET_ROWS = 1_048_576
"""XLSX has no more; more is a forged reference."""
MAX_CELLS = 10_000_000
"""Of all sheets, and of the rectangle of one: 200,000 rows of 50 columns."""
MAX_SHARED_STRINGS = 2_000_000
"""Different texts of a workbook: ten a row of the largest sheet."""
MAX_MERGES = 20_000
"""Merged ranges of a sheet: one for each household of the largest ayil aimak."""
MAX_CELL_CHARS = 1_000
"""Of one text. Longer ones are cut, and the row is told of."""
MAX_LINE_BYTES = 4 * MAX_COLUMNS * MAX_CELL_CHARS
"""One row as the reading process writes it down."""
MAX_MEMORY_BYTES = 1024 * 1024 * 1024
"""Address space of the reading process: 200,000 rows of 50 columns need 700 MB."""
MAX_CPU_SECONDS = 120
"""Of the reading process: 50,000 rows of 30 columns take 5."""
MAX_HEADER_ROWS = 40
"""Titles, stamps and notes above the row with the names of the columns."""
