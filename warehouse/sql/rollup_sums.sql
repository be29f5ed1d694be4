-- How many events stand under each seal.
SELECT seal, sum(n) FROM $table WHERE empty({seals:Array(UInt64)}) OR seal IN {seals:Array(UInt64)} GROUP BY seal
