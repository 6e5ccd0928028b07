"""A synthetic city year: its deliveries as offices send them, and the truth about them."""
