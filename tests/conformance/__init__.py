"""Whether the official SDK works against a server process by changing only ``base_url``."""
