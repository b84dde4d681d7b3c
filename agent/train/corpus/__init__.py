"""What a student learns from: material composed into a corpus, or early media that the agent has kept."""
