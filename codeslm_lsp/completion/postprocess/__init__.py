"""Raw generation → what may be shown: a chain of small filters, each named for the defect it removes.

``chain`` runs them in order; each other module but ``draft`` holds the filters for one kind of defect.
"""
