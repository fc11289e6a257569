"""A version on a device: answers, checked as anywhere, and what was seen, kept in bounded room."""
