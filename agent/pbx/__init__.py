"""Where calls live: one room per PBX, and the port through which the service sees them."""
