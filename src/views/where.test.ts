import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compileTerms, parseWhere } from './where.ts'

const rows = {
  full: { name: 'b', n: 5, on: true, note: null },
  small: { name: 'a', n: -1.5, on: false },
  odd: { name: 7, n: '5', on: { deep: 1 }, note: Number.NaN },
  empty: {},
}

/** A where-clause and the rows that fulfil it. */
const cases: [where: unknown, matching: string[]][] = [
  [{}, ['full', 'small', 'odd', 'empty']],
  [{ name: 'b' }, ['full']],
  [{ name: { eq: 'b' } }, ['full']],
  [{ n: 5 }, ['full']],
  [{ n: '5' }, ['odd']],
  [{ n: { ne: 5 } }, ['small', 'odd', 'empty']],
  [{ n: { gt: -1.5 } }, ['full']],
  [{ n: { gte: -1.5 } }, ['full', 'small']],
  [{ n: { lt: 5 } }, ['small']],
  [{ n: { lte: 5 } }, ['full', 'small']],
  [{ n: { between: [-1.5, 4] } }, ['small']],
  [{ n: { between: [4, -1.5] } }, []],
  [{ n: { in: [5, '5'] } }, ['full', 'odd']],
  [{ n: { in: [] } }, []],
  [{ n: { gt: -10, lt: 0 } }, ['small']],
  [{ on: false }, ['small']],
  [{ on: { gte: false } }, ['full', 'small']],
  [{ note: null }, ['full', 'small', 'empty']],
  [{ note: { ne: null } }, ['odd']],
  [{ name: { gt: 'a' }, on: true }, ['full']],
  [{ toString: null }, ['full', 'small', 'odd', 'empty']],
]

test('a where-clause selects the rows that fulfil all its conditions', () => {
  for (const [where, matching] of cases) {
    const matches = compileTerms(parseWhere(where))
    const found = Object.entries(rows).filter(([, row]) => matches(row))
    assert.deepEqual(
      found.map(([name]) => name),
      matching,
      JSON.stringify(where),
    )
  }
})

const refusals: [where: unknown, message: RegExp][] = [
  [null, /object of conditions by field, not null/],
  [[], /not an array of 0/],
  [{ colour: 'red' }, /no field "colour".*Valid fields: name, n/],
  [JSON.parse('{"__proto__": 1}'), /no field "__proto__"/],
  [{ n: { near: 5 } }, /no operator "near".*Valid operators: eq, ne, gt, gte, lt, lte, in, between/],
  [{ n: {} }, /has no operator/],
  [{ n: undefined }, /condition on "n" is nothing/],
  [{ n: Number.NaN }, /condition on "n" is number NaN/],
  [{ n: [1] }, /condition on "n" is an array of 1/],
  [{ n: { gt: null } }, /"gt" on "n" cannot take null/],
  [{ n: { eq: {} } }, /"eq" on "n" takes a string, number, boolean or null, not an object/],
  [{ n: { in: 5 } }, /"in" on "n" takes an array/],
  [{ n: { in: [[]] } }, /"in" on "n" takes a string, number, boolean or null/],
  [{ n: { between: [1] } }, /"between" on "n" takes two values/],
  [{ n: { between: [1, 2, 3] } }, /"between" on "n" takes two values/],
]

test('a where-clause that does not fit is refused with what is valid', () => {
  for (const [where, message] of refusals) {
    assert.throws(() => parseWhere(where, ['name', 'n']), { code: 'INVALID_QUERY', message })
  }
})
