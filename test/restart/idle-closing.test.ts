import assert from 'node:assert/strict'
import { test } from 'node:test'
import { string } from '../../src/contracts/codecs.ts'
import { topic } from '../../src/contracts/topic.ts'
import type { StreamsBuilder } from '../../src/streams/dsl/streams-builder.ts'
import { tumbling } from '../../src/streams/processors/windows.ts'
import { MemoryEngine } from '../../src/streams/state/memory.ts'
import { Life, subTopologyOf } from './task-life.ts'

function perWindow(builder: StreamsBuilder): void {
  builder
    .stream(topic('in', { key: string, value: string }))
    .groupByKey()
    .windowedBy(tumbling({ sizeMs: 100, graceMs: 0 }), { emit: 'onWindowClose', closeWhenIdleMs: 60 })
    .reduce((all, value) => all + value)
    .toStream()
    .selectKey((_value, { key, start }) => `${key}@${start}`)
    .to(topic('out', { key: string, value: string }))
}

const restarts: Readonly<Record<string, (life: Life) => Promise<void>>> = {
  'a crash': life => life.crash(),
  'a new disk': life => life.restoreOnNewDisk(),
}

for (const [name, restart] of Object.entries(restarts)) {
  test(`${name}: what an idle operator sent and did not commit goes out again, once`, async () => {
    const life = new Life(subTopologyOf(perWindow), new MemoryEngine())
    life.process(0, ['a', 'x', 50])
    life.commit()
    life.pass(1_000)
    await restart(life)
    assert.deepEqual(life.committed, [])
    life.pass(59)
    life.commit()
    assert.deepEqual(life.committed, [], 'idleness begins with the new life')
    life.pass(1)
    life.commit()
    assert.deepEqual(life.committed, ['a@0=x@50 []'])
    life.pass(1_000)
    await restart(life)
    life.pass(1_000)
    life.commit()
    assert.equal(life.committed.length, 1)
    await life.close()
  })

  test(`${name}: a record behind the stream time of an idle operator stays late`, async () => {
    const life = new Life(subTopologyOf(perWindow), new MemoryEngine())
    life.process(0, ['a', 'x', 50])
    life.pass(60)
    life.commit()
    await restart(life)
    life.process(1, ['a', 'late', 51])
    life.process(2, ['a', 'next', 120])
    life.pass(1_000)
    life.commit()
    assert.deepEqual(life.committed, ['a@0=x@50 []', 'a@100=next@120 []'])
    await life.close()
  })
}

test('a task that has records waiting is not idle', async () => {
  const life = new Life(subTopologyOf(perWindow), new MemoryEngine())
  life.process(0, ['a', 'x', 50])
  life.enqueue(1, ['a', 'y', 51])
  life.pass(1_000)
  life.take()
  life.pass(60)
  life.commit()
  assert.deepEqual(life.committed, ['a@0=xy@51 []'])
  await life.close()
})
