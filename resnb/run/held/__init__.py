"""Resources outside flows: held by a ``with`` block, or open for the session."""
