"""What was suggested and what became of it → one small file on this machine. Numbers, no code."""
