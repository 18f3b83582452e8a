import { MemoryEngine } from './memory.ts'
import { stateEngineContract } from './state-engine-contract.ts'

stateEngineContract('memory', () => {
  const engine = new MemoryEngine()
  return () => engine
})
