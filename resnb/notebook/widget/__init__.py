"""The widget of a flow: its model, the commands of its views, and the inspector."""
