"""A long, hard day in the life of a platform: who calls it, who torments it, and who watches."""
