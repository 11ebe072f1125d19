"""Who is there, and who is given what waits: presence, assignment, and what is put back when nobody answers."""
