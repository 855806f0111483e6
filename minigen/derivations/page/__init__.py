"""The page of the notes: mathematics as MathML, code in colours, plots as SVG, in one HTML file."""
