"""What people write: vectors, declarations, inventories."""
