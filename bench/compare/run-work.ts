/** The fresh process: one engine does one work once; prints the outcome as one line of JSON. */
import { createHash } from 'node:crypto'
import { measure } from '../harness/measure.ts'
import type { Outcome, Work } from './suite.ts'

const [suite, engine, name] = process.argv.slice(2) as [string, string, string]
const { works } = (await import(`./${suite}/${engine}.ts`)) as { works: Record<string, Work> }
const work = works[name]
if (work === undefined) throw new Error(`${engine} has no work ${name}.`)
const prepared = await work()
const measurement = await measure(() => prepared.run())
const hash = createHash('sha256')
for (const line of [...(await prepared.result())].toSorted()) hash.update(`${line}\n`)
const outcome: Outcome = { ...measurement, digest: hash.digest('hex') }
console.log(JSON.stringify(outcome))
process.exit(0)
