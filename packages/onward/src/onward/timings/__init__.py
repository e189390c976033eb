"""What runs took, and whether they take longer than they did. Pure."""
