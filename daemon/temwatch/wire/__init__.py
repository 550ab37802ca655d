"""Messages and topics to bytes and back."""
