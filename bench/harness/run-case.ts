/** The fresh process: runs one case once and prints its measurement as one line of JSON. */
import type { Case } from './measure.ts'

const name = process.argv[2] as string
const { benchmark } = (await import(`../cases/${name}.ts`)) as { benchmark: Case }
console.log(JSON.stringify(await benchmark.run()))
process.exit(0)
