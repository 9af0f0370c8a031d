"""The engine that judges: reads vectors, reaches states, runs steps, gives a verdict."""
