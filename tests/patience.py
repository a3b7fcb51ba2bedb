"""How long tests wait for what takes a moment on a quiet machine, and for ever where it fails."""

SOON = 60.0  # seconds: others may be busy on the machine
