"""The line magics ``%flow`` and ``%resources``."""
