"""What was committed goes out over ZeroMQ; questions come in."""
