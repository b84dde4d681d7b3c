"""A person hears what the forest is least sure of and says what it is."""
