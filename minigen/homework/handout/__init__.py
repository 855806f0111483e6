"""What a student gets: the variant of a class, a module to fill in, a notebook."""
