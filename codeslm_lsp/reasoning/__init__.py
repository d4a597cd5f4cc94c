"""Commands: what a user asks for in words or by a code action → an answer that says how far it was checked."""
