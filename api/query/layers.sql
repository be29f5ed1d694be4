-- Which edition of history counts where, as `editions` has it under a version.
SELECT topics, numbers, width, firsts, lasts FROM editions WHERE version = {switch:UInt64}
