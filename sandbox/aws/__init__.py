"""The AWS side: the emulator, corrected where it is wrong, and the strict AWS in front of it."""
