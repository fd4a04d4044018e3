"""`python -m kerege.cli`: the `kerege` command without its installed script."""

from kerege.cli import main

main()
