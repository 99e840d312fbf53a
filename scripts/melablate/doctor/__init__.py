"""What would stop a study, or waste GPU time, looked for before its first job."""
