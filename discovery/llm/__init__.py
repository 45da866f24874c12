"""Language models as a source of proposals."""
