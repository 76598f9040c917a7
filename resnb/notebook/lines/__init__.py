"""The magic lines and their parser."""
