"""What lies in the watched folders. Scans are truth, events are hints."""
