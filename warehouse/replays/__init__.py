"""Replays: history that was judged again, in editions beside the rows as they were first judged."""
