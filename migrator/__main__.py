"""`python -m migrator` is `slack-migrator`."""

from migrator.cli import main

main()
