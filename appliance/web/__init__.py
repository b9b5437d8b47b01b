"""The wizard: a face over the flow for a browser, without logic of its own."""
