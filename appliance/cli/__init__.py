"""The `provision` command: verbs over the flow, without logic of their own."""
