"""The embedded simulator of JoSIM decks; ``run`` is the way in."""
