"""From labelled seconds to a student, judged on strangers."""
