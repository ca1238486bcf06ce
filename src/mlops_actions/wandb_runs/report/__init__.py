"""The report: its text, tables, curves and files, and where people see it."""
