/** The fresh process: one engine does one work once; prints the outcome as one line of JSON. */
import { createHash } from 'node:crypto'
import { type Measurement, measure } from '../harness/measure.ts'
import type { Outcome, Work } from './suite.ts'

const [suite, engine, name] = process.argv.slice(2) as [string, string, string]
const { works } = (await import(`./${suite}/${engine}.ts`)) as { works: Record<string, Work> }
const work = works[name]
if (work === undefined) throw new Error(`${engine} has no work ${name}.`)
const prepared = await work()
let elsewhere: Measurement | undefined
const here = await measure(async () => {
  const done = await prepared.run()
  if (typeof done === 'number') return done
  elsewhere = done
  return done.records
})
const hash = createHash('sha256')
for (const line of [...(await prepared.result())].toSorted()) hash.update(`${line}\n`)
const written = await prepared.written?.()
await prepared.close?.()
const outcome: Outcome = {
  ...(elsewhere ?? here),
  digest: hash.digest('hex'),
  ...(written !== undefined && { written }),
}
console.log(JSON.stringify(outcome))
process.exit(0)
