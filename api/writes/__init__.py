"""The audit log of writes: who changed what, when, with which key."""
