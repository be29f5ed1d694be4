"""Made-up traffic on real HTTP: a seeded plan of requests, its sender, and a manifest of what was sent."""
