"""The audit log: what people did with personal data, refused attempts too."""
