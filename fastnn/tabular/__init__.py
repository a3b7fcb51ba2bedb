"""Tables: reading, splitting, scaling, and models for them."""
