"""Live views of a flow: what they are told, when and to whom."""
