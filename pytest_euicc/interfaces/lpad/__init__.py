"""What vectors say of an LPA: what the user does, what card and servers answer, what must have crossed."""
