"""From a delivered file to typed record versions, with every row accounted for."""
