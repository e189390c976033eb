"""What measurements and tests of size are made on: real clouds, enlarged databases, and the memory of processes."""
