/** The fresh process: runs one case once and prints its measurement as one line of JSON. */
import type { Case } from './measure.ts'

const [name, variant] = process.argv.slice(2) as [string, string]
const { benchmark } = (await import(`../cases/${name}.ts`)) as { benchmark: Case }
console.log(JSON.stringify(await benchmark.run(variant)))
process.exit(0)
