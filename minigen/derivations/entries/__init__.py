"""The equations of the notes: one file per section or part of it, one function per equation."""
