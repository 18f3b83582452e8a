import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type AssignableMember, assignTasks, type Residence } from './assignor.ts'

function tasks(widths: Record<string, number>, isStateful = false) {
  return Object.entries(widths).flatMap(([id, width]) =>
    Array.from({ length: width }, (_, partition) => ({ key: `${id}_${partition}`, isStateful })),
  )
}

function member(memberId: string, active: string[] = [], processId = memberId): AssignableMember {
  return { memberId, processId, active: new Set(active), standby: new Set() }
}

function assigned(
  all: ReturnType<typeof tasks>,
  members: AssignableMember[],
  residences: Record<string, Residence> = {},
  standbyReplicas = 0,
) {
  const targets = assignTasks(all, members, {
    standbyReplicas,
    residences: new Map(Object.entries(residences)),
  })
  return Object.fromEntries([...targets].map(([id, { active }]) => [id, [...active].toSorted().join(' ')]))
}

describe('assignTasks', () => {
  const cases: {
    it: string
    widths: Record<string, number>
    members: AssignableMember[]
    expected: object
  }[] = [
    { it: 'has nothing to do without members', widths: { 0: 2 }, members: [], expected: {} },
    {
      it: 'deals every sub-topology out in turn',
      widths: { 0: 2, 1: 2 },
      members: [member('a'), member('b')],
      expected: { a: '0_0 1_0', b: '0_1 1_1' },
    },
    {
      it: 'lets a full member keep some of every sub-topology',
      widths: { 0: 2, 1: 2 },
      members: [member('a', ['0_0', '0_1', '1_0', '1_1']), member('b')],
      expected: { a: '0_0 1_0', b: '0_1 1_1' },
    },
    {
      it: 'leaves everybody what they have when that is even',
      widths: { 0: 4 },
      members: [member('a', ['0_3', '0_1']), member('b', ['0_0', '0_2'])],
      expected: { a: '0_1 0_3', b: '0_0 0_2' },
    },
    {
      it: 'leaves the member with one more its one more',
      widths: { 0: 3 },
      members: [member('a', ['0_0']), member('b', ['0_1', '0_2'])],
      expected: { a: '0_0', b: '0_1 0_2' },
    },
    {
      it: 'gives members without tasks nothing when there are too few',
      widths: { 0: 1 },
      members: [member('a'), member('b', ['0_0'])],
      expected: { a: '', b: '0_0' },
    },
    {
      it: 'gives every member the same, so a process of two gets twice as much',
      widths: { 0: 6 },
      members: [member('a', [], 'p'), member('b', [], 'p'), member('c', [], 'q')],
      expected: { a: '0_0 0_3', b: '0_2 0_5', c: '0_1 0_4' },
    },
  ]
  for (const { it, widths, members, expected } of cases) {
    test(it, () => assert.deepEqual(assigned(tasks(widths), members), expected))
  }

  test('returns to a process that is back what it had longest', () => {
    const home = (sinceEpoch: number): Residence => ({ processes: ['q', 'p'], sinceEpoch })
    const residences = { '0_0': home(9), '0_1': home(2), '0_2': home(9), '0_3': home(2) }
    const q = member('a', ['0_0', '0_1', '0_2', '0_3'], 'q')
    assert.deepEqual(assigned(tasks({ 0: 4 }), [q, member('b', [], 'p')], residences), {
      a: '0_1 0_3',
      b: '0_0 0_2',
    })
  })

  test('gives out every task once and evenly, and moves only what is above the quota, whatever happens', () => {
    let members: AssignableMember[] = []
    let seed = 7
    const random = (below: number): number => {
      seed = (seed * 48_271) % 2_147_483_647
      return seed % below
    }
    for (let round = 0; round < 500; round++) {
      const all = tasks({ 0: 1 + random(9), 1: random(5) })
      if (members.length > 1 && random(2) === 0) members.splice(random(members.length), 1)
      else members.push(member(`m${round}`, [], `p${random(4)}`))
      const targets = assignTasks(all, members, { standbyReplicas: 0, residences: new Map() })
      const given = [...targets.values()].flatMap(({ active }) => [...active])
      assert.deepEqual(given.toSorted(), all.map(({ key }) => key).toSorted())
      const sizes = [...targets.values()].map(({ active }) => active.size)
      assert.ok(Math.max(...sizes) - Math.min(...sizes) <= 1, `sizes ${sizes.join(' ')}`)
      for (const { memberId, active } of members) {
        const held = [...active].filter(key => all.some(task => task.key === key))
        const kept = held.filter(key => targets.get(memberId)?.active.has(key))
        const least = Math.floor(all.length / members.length)
        assert.ok(kept.length >= Math.min(held.length, least))
      }
      members = members.map(({ memberId, processId }) =>
        member(memberId, [...(targets.get(memberId)?.active ?? [])], processId),
      )
    }
  })
})
