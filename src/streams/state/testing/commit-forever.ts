/** Commits to two stores until it is killed: all values of a commit are its number. Prints each number once it is done. */
import { LmdbEngine } from '../lmdb.ts'

const engine = new LmdbEngine(process.argv[2] as string)
const task = engine.openTask('0_0')
const value = Buffer.alloc(100)
for (let commit = Number(task.metadata('commit') ?? 0) + 1; ; commit++) {
  value.writeUInt32BE(commit)
  const entries = Array.from({ length: 200 }, (_, i) => [`key-${i}`, value] as const)
  task.commit(
    [
      { store: 'a', entries },
      { store: 'b', entries },
    ],
    { commit: String(commit) },
  )
  process.stdout.write(`${commit}\n`)
  // Lets the pipe be written.
  await new Promise(resolve => setImmediate(resolve))
}
