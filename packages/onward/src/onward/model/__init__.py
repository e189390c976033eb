"""What a cloud is: immutable data, no I/O."""
