"""What must be known before planning: reads, refuses bad input, touches nothing."""
