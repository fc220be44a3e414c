"""The kinds of AWS resources, one module each; no kind imports another."""
