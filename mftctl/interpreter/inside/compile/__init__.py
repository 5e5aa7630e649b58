"""FlowSpec to Manifest. `compile_flow` runs `inside.py` in the flow's own interpreter."""
