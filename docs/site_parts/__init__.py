"""The parts of the documentation that Sphinx does not have."""
