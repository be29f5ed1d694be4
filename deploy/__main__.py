"""`python -m deploy`: the command line, for processes that the stack starts itself."""

from deploy.cli import main

main()
