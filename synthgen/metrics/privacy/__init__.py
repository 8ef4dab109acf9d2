"""What the synthetic records give away about the training patients: one measure a file."""
