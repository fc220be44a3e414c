"""What a pipeline costs a month, from its spec and a traffic profile. Pure."""
