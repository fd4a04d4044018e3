"""Kyrgyz dates and numbers: «2026-ж. 24-ноябрь», «7 395,2».

Source: Unicode CLDR, locale ky. Django's own file for ky has a decimal point and the
Russian order of day and year.
"""

DATE_FORMAT = "Y-ж. j-F"
DATETIME_FORMAT = "Y-ж. j-F, H:i"
YEAR_MONTH_FORMAT = "Y-ж. F"
MONTH_DAY_FORMAT = "j-F"
TIME_FORMAT = "H:i"
SHORT_DATE_FORMAT = "d.m.Y"
SHORT_DATETIME_FORMAT = "d.m.Y H:i"
FIRST_DAY_OF_WEEK = 1
DECIMAL_SEPARATOR = ","
THOUSAND_SEPARATOR = "\xa0"
NUMBER_GROUPING = 3
