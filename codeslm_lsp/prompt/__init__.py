"""``Context`` → ``Prompt``: token ids for one model family, inside a token budget."""
