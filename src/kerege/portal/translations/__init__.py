"""What holds the texts of the site to its languages: catalogues, glossary, checks.

Nothing of this runs while pages are served; `scripts/check_translations.py` does it all.
"""
