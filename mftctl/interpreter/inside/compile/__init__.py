"""Compiles a flow to its manifest, in the flow's interpreter."""
