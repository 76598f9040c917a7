"""Trials in which a whole container ends: where they run, their front ends and their ends."""
