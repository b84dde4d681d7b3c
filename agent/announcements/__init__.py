"""The operator's own library of announcements, and the unknown ones that gather themselves."""
