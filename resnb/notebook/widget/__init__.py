"""The widget of a flow: its model, the commands that it takes, and the look inside."""
