export const original = 'original'
export const copied = 'copied'
export const PARTITIONS = 6
export const GROUP = 'copiers'
/** Names the transaction that a copy was made in. */
export const TRANSACTION_HEADER = 'transaction'
