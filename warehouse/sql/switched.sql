(SELECT argMax((topics, numbers, width, firsts, lasts), version) FROM editions) AS switched
