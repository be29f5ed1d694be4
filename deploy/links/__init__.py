"""Links in files: what `weir links import` reads."""
