"""Measured, never asserted: how often completions are right, and what that is judged by."""
