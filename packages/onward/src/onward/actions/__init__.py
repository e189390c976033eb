"""The only code that changes a cloud, one small module per kind of step."""
