"""The generated pages of the reference, each made by a module of its own."""
