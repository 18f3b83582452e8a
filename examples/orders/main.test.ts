import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'

const MAIN = join(import.meta.dirname, 'main.ts')
const SAMPLE = join(import.meta.dirname, 'import/retail-sample.csv')

function start(args: string[]): ChildProcess {
  return spawn(process.execPath, ['--conditions=evert-source', MAIN, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

async function run(args: string[]): Promise<{ status: number; out: string; err: string }> {
  const child = start(args)
  const texts = { out: '', err: '' }
  child.stdout?.setEncoding('utf8').on('data', text => (texts.out += text as string))
  child.stderr?.setEncoding('utf8').on('data', text => (texts.err += text as string))
  const [status] = (await once(child, 'close')) as [number]
  return { status, ...texts }
}

function onNewData(t: TestContext): string[] {
  const directory = mkdtempSync(join(tmpdir(), 'evert-main-'))
  t.after(() => rmSync(directory, { recursive: true }))
  return ['--data', directory, '--port', '0', '--kafka-port', '0']
}

test('an unknown option ends with status 2 and the valid ones', async () => {
  const { status, out, err } = await run(['--ordres', '5'])
  assert.deepEqual([status, out], [2, ''])
  assert.match(err, /'--ordres'.*Valid options: --port /)
})

test('help is printed and nothing is started', async () => {
  const { status, out, err } = await run(['--help'])
  assert.deepEqual([status, err], [0, ''])
  assert.match(out, /--orders N/)
})

test('placed orders end with exactly one line of figures, the same for a seed whatever ran before', async t => {
  const data = onNewData(t)
  const first = await run(['--orders', '40', '--exit', '--seed', '3', ...data])
  assert.equal(first.status, 0, first.err)
  assert.match(first.out, /^orders=40 validated=\d+ failed=\d+ emails=\d+ open=\d+\n$/)
  const figures = Object.fromEntries(
    [...first.out.matchAll(/(\w+)=(\d+)/g)].map(([, name, n]) => [name, Number(n)]),
  )
  assert.equal(Number(figures['validated']) + Number(figures['failed']), 40)
  assert.equal(figures['emails'], figures['validated'])
  assert.equal(figures['open'], figures['validated'])

  const second = await run(['--orders', '5', '--exit', '--seed', '4', ...data])
  assert.match(second.out, /^orders=5 /)
  const repeated = await run(['--orders', '40', '--exit', '--seed', '3', ...data])
  assert.equal(repeated.out, first.out)
})

test('an imported file ends with one line that accounts for every line read', async t => {
  const { status, out, err } = await run(['--import', SAMPLE, '--exit', ...onNewData(t)])
  assert.equal(status, 0, err)
  assert.equal(
    out,
    'read=12 placed=5 refused=7 (cancellation=1 malformed=4 negative-quantity=1 no-customer=1) ' +
      'orders=3 validated=3 failed=0 emails=3 open=3\n',
  )
})

test('a file that cannot be imported is refused before anything starts', async t => {
  const data = onNewData(t)
  const cases: [string, RegExp][] = [
    ['/nowhere/x.csv', /^--import cannot read \/nowhere\/x\.csv: it is not there\.\n$/],
    [import.meta.dirname, /^--import needs a CSV file; .* is a directory\.\n$/],
  ]
  for (const [file, message] of cases) {
    const { status, out, err } = await run(['--import', file, '--exit', ...data])
    assert.deepEqual([status, out], [2, ''])
    assert.match(err, message)
  }
  assert.deepEqual(readdirSync(data[1] as string), [])
})

test('a file of which nothing can be placed ends with status 1 and the first reasons', async t => {
  const data = onNewData(t)
  const file = join(data[1] as string, 'us-dates.csv')
  const line = (invoice: number) => `${invoice},P1,POT,6,12/1/2010 8:26,2.55,17850,France\n`
  const header = 'InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n'
  writeFileSync(file, header + [1, 2, 3, 4, 5].map(line).join(''))
  const { status, out, err } = await run(['--import', file, '--exit', ...data])
  assert.equal(status, 1)
  assert.match(out, /^read=5 placed=0 refused=5 \(malformed=5\)/)
  const refusals = err.split('\n').filter(text => /^Refused line|more in the topic/.test(text))
  assert.deepEqual(refusals, [
    ...[2, 3, 4].map(
      at => `Refused line ${at}: malformed: date "12/1/2010 8:26" is no instant in ISO 8601 UTC since 1970`,
    ),
    '2 more in the topic dead-letters.',
  ])
})

test('Ctrl-C stops a run that would go on', async t => {
  const child = start(['--rate', '50', ...onNewData(t)])
  const closed = once(child, 'close')
  let out = ''
  await new Promise<void>(resolve => {
    child.stdout?.setEncoding('utf8').on('data', text => {
      out += text as string
      if (/^orders \d+/m.test(out)) resolve()
    })
  })
  assert.match(out, /^Orders +http:\/\/127\.0\.0\.1:\d+\/v1\/orders$/m)
  child.kill('SIGINT')
  const [status] = (await closed) as [number]
  assert.equal(status, 0)
})
