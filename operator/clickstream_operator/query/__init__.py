"""What a pipeline counted, archived and found, read back from its stores."""
