"""What the kernel and the views of a flow send each other: the one definition for both sides.

A *frame* goes from the kernel to its views, a *command* from a view to the kernel, both as JSON.
``make wire`` writes `labextension/src/wire` from these types. Places are indices into
the lists of the latest structure. All texts are bounded and harmless to read (see
`resnb.view.names`); a view shows them as text, never as markup.
"""
