"""Live views of a flow: what they are sent, and when."""
