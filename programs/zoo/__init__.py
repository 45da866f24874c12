"""Known rules."""
