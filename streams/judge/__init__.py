"""The judge: what each record counts as, and what gave a program away. Nothing is dropped, every reason is kept."""
