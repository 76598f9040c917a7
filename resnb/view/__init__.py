"""What people see of a flow: pictures, text and plans, all made from snapshots.

Data flows one way: flow and run -> `Snapshot` -> folded `Snapshot` -> DOT or text -> PNG. Nothing
here changes a flow or a run. What users wrote (names, messages) is shown as text only.
"""
