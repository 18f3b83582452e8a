import type { Suite } from '../suite.ts'

export const suite: Suite = {
  description:
    'Incremental engines in JavaScript: Evert, @tanstack/db-ivm 0.2.0, @electric-sql/d2ts 0.1.8; all in memory',
  engines: ['evert', 'db-ivm', 'd2ts'],
  works: {
    count: '500 k orders counted by 10 k customers',
    'stream-table-join': '500 k orders joined with their customer, 10 k rows; the amounts summed by customer',
    'table-table-join': '500 k updates of two tables of 10 k rows with the same keys, joined',
    'foreign-key-join':
      '20 k orders of 10 k customers, joined by the customer that an order names, through 400 k updates of ' +
      'orders and 44 k of customers, which each have two orders',
  },
}
