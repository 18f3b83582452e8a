import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CrashTrace } from './crash-trace.ts'
import { seededRandom } from '../../internal/random.ts'
import { SimulatedDisk } from './simulated-disk.ts'

/** EVERT_SEED=n repeats the traces of a failed run; EVERT_STEPS makes them longer. */
const seed = Number(process.env['EVERT_SEED'] ?? Math.floor(Math.random() * 1_000_000))
const steps = Number(process.env['EVERT_STEPS'] ?? 70)

test(`a crash at any operation of the disk loses nothing acknowledged (EVERT_SEED=${seed})`, async context => {
  const whole = new SimulatedDisk(seededRandom(seed))
  const trace = new CrashTrace(seed)
  await trace.live(whole, steps)
  assert.ok(trace.acknowledged > steps / 4, 'the trace appends')
  context.diagnostic(`${whole.operations} operations, ${trace.acknowledged} offsets acknowledged`)

  for (let crashAt = 1; crashAt <= whole.operations; crashAt++) {
    try {
      await crashing(crashAt)
    } catch (cause) {
      throw new Error(`EVERT_SEED=${seed}, crash at operation ${crashAt}`, { cause })
    }
  }
})

/** The trace up to the crash, then shorter lives that crash at random moments, then one that does not. */
async function crashing(crashAt: number): Promise<void> {
  const random = seededRandom(seed)
  const trace = new CrashTrace(seed)
  let disk = new SimulatedDisk(random, crashAt)
  await trace.live(disk, steps)
  for (let lives = 0; lives < 2; lives++) {
    const next = 1 + Math.floor(random() * 60)
    disk = random() < 0.5 ? disk.after(next) : disk.afterKill(next)
    await trace.live(disk, 40)
  }
  disk = disk.after()
  await trace.live(disk, 20)
  assert.equal(disk.isCrashed, false)
}
