"""Links over HTTP: commands into the log, replies out of it, and the book of what there is."""
