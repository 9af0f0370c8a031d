"""Peers that do the worst they can: whatever comes of them is one documented error, in bounded time."""
