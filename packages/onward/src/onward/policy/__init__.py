"""What a service's policy means: pure data and functions, without oslo.policy's own code or any file."""
