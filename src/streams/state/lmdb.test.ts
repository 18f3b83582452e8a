import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { isEvertError } from '../../errors.ts'
import { LmdbEngine } from './lmdb.ts'
import { stateEngineContract } from './state-engine-contract.ts'

const newDirectory = () => mkdtempSync(join(tmpdir(), 'evert-lmdb-'))

stateEngineContract('lmdb', () => {
  const directory = newDirectory()
  return () => new LmdbEngine(directory)
})

test('a process that is killed while it commits leaves one whole commit behind', async () => {
  const directory = newDirectory()
  let last = 0
  for (let round = 0; round < 5; round++) {
    const child = spawn(
      process.execPath,
      [...process.execArgv, join(import.meta.dirname, 'testing/commit-forever.ts'), directory],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    )
    const exited = new Promise(resolve => child.once('exit', resolve))
    let acknowledged = 0
    for await (const chunk of child.stdout) {
      acknowledged = Number(String(chunk).trim().split('\n').at(-1))
      if (acknowledged >= last + 20 + round * 7) child.kill('SIGKILL')
    }
    await exited
    const engine = new LmdbEngine(directory)
    const task = engine.openTask('0_0')
    last = Number(task.metadata('commit'))
    assert.ok(last >= acknowledged, `commit ${acknowledged} was acknowledged, ${last} was found`)
    for (const store of ['a', 'b']) {
      let entries = 0
      for (const [, value] of task.store(store).range()) {
        assert.equal(value.readUInt32BE(), last)
        entries++
      }
      assert.equal(entries, 200)
    }
    await engine.close()
  }
})

test('state that was open when the machine went down is dropped, and said so', async () => {
  const directory = newDirectory()
  const first = new LmdbEngine(directory)
  const task = first.openTask('0_0')
  task.commit([{ store: 's', entries: [['k', Buffer.from('v')]] }], {})
  const mark = readFileSync(join(directory, '0_0', 'open'), 'utf8')
  await first.close()

  const dropped: string[] = []
  const open = () => new LmdbEngine(directory, { onPowerLoss: taskId => dropped.push(taskId) })
  const clean = open()
  assert.equal(clean.openTask('0_0').store('s').size, 1)
  await clean.close()
  // As after a crash of the process: same boot.
  writeFileSync(join(directory, '0_0', 'open'), mark)
  const crashed = open()
  assert.equal(crashed.openTask('0_0').store('s').size, 1)
  await crashed.close()
  assert.deepEqual(dropped, [])
  // As after a loss of power: another boot.
  writeFileSync(join(directory, '0_0', 'open'), '00000000-0000-0000-0000-000000000000\n')
  const powerless = open()
  assert.equal(powerless.openTask('0_0').store('s').size, 0)
  assert.deepEqual(dropped, ['0_0'])
  await powerless.close()
})

test('a directory has one owner at a time, keeps its name, and is given back', async () => {
  const directory = newDirectory()
  const first = new LmdbEngine(directory)
  assert.throws(
    () => new LmdbEngine(directory),
    error => isEvertError(error, 'DIRECTORY_IN_USE'),
  )
  await first.close()
  const second = new LmdbEngine(directory)
  assert.equal(second.instanceId, first.instanceId)
  await second.close()
})

test('the directory of a process that was killed is taken over at once, with its zombie still there', async () => {
  const directory = newDirectory()
  const script = join(import.meta.dirname, 'testing', 'commit-forever.ts')
  const child = spawn(process.execPath, [...process.execArgv, script, directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(child.stdout, 'data')
  child.kill('SIGKILL')
  // Without a turn of the event loop in between, nobody has taken note of the end of the child.
  const engine = new LmdbEngine(directory)
  assert.ok(Number(engine.openTask('0_0').metadata('commit')) >= 1)
  await engine.close()
})

test('state of a newer format is refused with what to do', async () => {
  const directory = newDirectory()
  const engine = new LmdbEngine(directory)
  const task = engine.openTask('0_0')
  await task.close()
  const { open } = await import('./lmdb-binding.ts')
  const raw = open<Buffer, Buffer>(join(directory, '0_0'), { keyEncoding: 'binary', encoding: 'binary' })
  await raw.put(Buffer.from('\x01format'), Buffer.from('2'))
  await raw.close()
  assert.throws(
    () => engine.openTask('0_0'),
    error => isEvertError(error, 'NEWER_FORMAT'),
  )
  await engine.close()
})

test('a damaged file is refused by its directory, and does not end the process', async () => {
  const damages: Record<string, (data: Buffer) => Buffer> = {
    'not LMDB at all': data => Buffer.alloc(data.length, 7),
    'half of the meta pages': data => data.subarray(0, 10_000),
    'only meta pages': data => data.subarray(0, 20_000),
    'cut short behind them': data => data.subarray(0, 33_000),
    'overwritten behind them': data => data.fill(9, 32_768),
  }
  for (const [damage, inflict] of Object.entries(damages)) {
    const directory = newDirectory()
    const engine = new LmdbEngine(directory)
    const task = engine.openTask('0_0')
    task.commit([{ store: 's', entries: [['k', Buffer.alloc(50_000)]] }], { m: '1' })
    await task.close()
    const file = join(directory, '0_0', 'data.mdb')
    writeFileSync(file, inflict(readFileSync(file)))
    assert.throws(
      () => engine.openTask('0_0').metadata('m'),
      error => isEvertError(error, 'DAMAGED_DATA') && error.message.includes(join(directory, '0_0')),
      damage,
    )
    await engine.close()
  }
})
