"""What is done to a deployed model: its servers, its applications, its units."""
