"""Raw generation → what may be shown: a chain of small filters, each named for the defect it removes."""
