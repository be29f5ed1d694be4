"""Windows: what a click is compared with, the clicks of its partition that stand shortly before and after it."""
