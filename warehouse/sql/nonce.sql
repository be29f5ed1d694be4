-- Who may write a partition now; 0: nobody has fenced it since ClickHouse started.
SELECT joinGet('fences', 'nonce', {topic_id:UUID}, {partition:UInt16})
