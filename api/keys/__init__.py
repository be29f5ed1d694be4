"""Who asks: API keys, what they may do, and what they may see."""
