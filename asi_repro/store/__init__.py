"""What is kept on disk: whole files, locks, logs of JSON lines, checksums, records, git repositories."""
