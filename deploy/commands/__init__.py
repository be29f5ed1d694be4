"""One subcommand of `weir` a file; each has a function `command` that click runs."""
