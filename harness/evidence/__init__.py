"""What was found: measures, relations, inference, verdicts, and the report's schema."""
