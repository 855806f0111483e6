"""For each assignment its marked module, and the text and the picture of its notebook."""
