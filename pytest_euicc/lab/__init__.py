"""A session at the bench: readers and cards, the declaration of a card, and the plan of a run."""
