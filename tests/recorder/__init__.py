"""What programs record of their own sessions."""
