"""What a student is worth, as a report, and whether it may take the place of the present one."""
