"""fastnn held against torch's own test data: `make parity` (CONTRIBUTING.md says what it shows)."""
