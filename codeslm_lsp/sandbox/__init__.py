"""Code that nobody has read, and files for it → how it ended, with nothing else on the machine seen or changed."""
