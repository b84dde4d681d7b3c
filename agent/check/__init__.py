"""`earlymedia check`: what a PBX lacks for the agent, and the line that mends it."""
