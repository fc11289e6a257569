"""What requests leave out is looked up by a key that they bring."""
