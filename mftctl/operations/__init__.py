"""What each command does, apart from its arguments (`cli`, `metaflow_cli`) and its result (`results`)."""
